//! `stepwell start`.

use crate::{
    arguments::StartArguments, carry_out::Change, exit::Exit, failure::Failure, find,
    interruption::Interruptions, output::Output,
};

pub(crate) async fn start(arguments: StartArguments, output: &Output) -> Result<Exit, Failure> {
    let mut interruptions = Interruptions::listen()?;
    let options = arguments.until.options(output);
    let found = find::attach_live(&arguments.place, &arguments.target.pipeline, &options);
    let pipeline = interruptions.unless_interrupted(found).await?;
    let change = Change {
        id: pipeline.id().clone(),
        doing: "starting",
        until: &arguments.until,
        interruptions,
        output,
    };
    let start = Box::pin(async { Ok(pipeline.start().await?) });
    change.carry_out(start).await
}
