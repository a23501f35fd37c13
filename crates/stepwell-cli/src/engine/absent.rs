use stepwell::PipelineId;

use crate::output::Output;

/// There is none without the feature `embedded`.
pub(crate) enum EmbeddedEngine {}

impl EmbeddedEngine {
    pub(crate) fn show_rows_of(&self, _id: &PipelineId) {
        match *self {}
    }

    pub(crate) async fn cannot_save(&self) -> String {
        match *self {}
    }

    pub(crate) fn warn_of_others_than(&self, _id: &PipelineId, _output: &Output) {
        match *self {}
    }

    pub(crate) fn url(&self) -> String {
        match *self {}
    }
}
