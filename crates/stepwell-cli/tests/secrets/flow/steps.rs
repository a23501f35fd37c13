//! The steps of each way.

use super::*;

impl Way<'_> {
    async fn validated(&self) -> Option<Submission<Validated>> {
        let options = self.options();
        self.shown.value(self.name, &options);
        let builder = Submission::builder(self.transport.clone(), self.spec()).options(options);
        self.shown.value(self.name, &builder);
        let unconnected = builder.build();
        self.shown.value(self.name, &unconnected);
        let connected = self.step(unconnected.connect().await)?;
        let validated = self.step(connected.validate().await)?;
        self.shown.value(self.name, validated.graph());
        self.shown.value(self.name, validated.options());
        Some(validated)
    }

    async fn resolved(&self) -> Option<Resolution> {
        let validated = self.validated().await?;
        self.seen(validated.plan().await)?;
        let resolution = match validated.resolve().await {
            // A create with an unknown outcome is looked up first, which fails in another way.
            Err(failure) if failure.error().phase() == stepwell::transport::Phase::MaybeSent => {
                self.shown.error(self.name, &failure);
                let validated = failure.into_submission();
                self.shown.value(self.name, &validated);
                self.seen(validated.plan().await);
                self.step(validated.resolve().await)?
            }
            resolution => self.step(resolution)?,
        };
        self.shown.value(self.name, &resolution.differences());
        Some(resolution)
    }

    pub(super) async fn stop(&self) -> Option<()> {
        let registered = self.resolved().await?.register();
        self.shown.value(self.name, &registered);
        let running = self.step(registered.wait_until_running().await)?;
        self.shown.value(self.name, running.job());
        self.shown.value(self.name, &running.dashboard_url());
        self.shown.value(self.name, &running.graph());
        self.seen(running.status().await)?;
        self.seen(running.read_job().await)?;
        self.seen(running.job_errors().await)?;
        self.seen(running.checkpoints().await)?;
        let stopped = self.step(running.stop().await)?;
        self.shown.value(self.name, stopped.job());
        self.seen(stopped.status().await)?;
        Some(())
    }

    pub(super) async fn discard(&self) -> Option<()> {
        match self.resolved().await? {
            Resolution::Created(created) => self.step(created.discard().await),
            Resolution::Resumed(resumed) => panic!("it was there: {}", resumed.id()),
        }
    }

    pub(super) async fn post(&self) -> Option<()> {
        self.resolved().await.map(|resolution| {
            self.shown.value(self.name, &resolution.register());
        })
    }

    pub(super) async fn ended(&self) -> Option<()> {
        let Resolution::Resumed(resumed) = self.resolved().await? else {
            panic!("there was one");
        };
        self.shown.value(self.name, &resumed.resumed_from());
        let running = self.step(resumed.register().wait_until_running().await)?;
        let ended = self.seen(running.ended().await)?;
        self.shown.error(self.name, &ended.into_error());
        Some(())
    }

    pub(super) async fn restart(&self) -> Option<()> {
        let registered = self.resolved().await?.register();
        self.step(registered.wait_until_running().await).map(|_| ())
    }

    pub(super) async fn attach(&self) -> Option<()> {
        let id = PipelineId::from_server("pl_1");
        let attached =
            Submission::attach(self.transport.clone(), id, &self.shutdown, self.options());
        let attached = self.seen(attached.await)?;
        self.seen(attached.status().await)?;
        let running = self.step(attached.wait_until_running().await)?;
        self.step(running.stop().await).map(|_| ())
    }

    pub(super) async fn run(&self) -> Option<()> {
        let submission = Submission::builder(self.transport.clone(), self.spec())
            .options(self.options())
            .shutdown(&self.shutdown)
            .build();
        self.seen(submission.run().await).map(|_| ())
    }

    pub(super) async fn client(&self) -> Option<()> {
        use stepwell::arroyo::{CreatePipeline, JobId, PatchPipeline, RestartPipeline, StopMode};

        let client =
            Client::new(self.transport.clone()).within(Duration::from_millis(200) * self.patience);
        self.shown.value(self.name, &client);
        let id = PipelineId::from_server("pl_1");
        let job = JobId::from_server("job_1");
        let create = CreatePipeline::new("orders", query(), std::num::NonZeroU32::MIN)
            .env_vars([("KEY".to_owned(), ENVIRONMENT.to_owned())].into());
        self.shown.value(self.name, &create);
        let patch = PatchPipeline::default().stop(StopMode::Checkpoint);
        let restart = RestartPipeline::default();
        // All requests, regardless of which one fails.
        let went = [
            self.seen(client.ping().await).is_some(),
            self.seen(client.validate(&query(), &[]).await).is_some(),
            self.seen(client.all_pipelines().await).is_some(),
            self.seen(client.create(&create).await).is_some(),
            self.seen(client.create_with_id(&id, &create).await)
                .is_some(),
            self.seen(client.pipeline(&id).await).is_some(),
            self.seen(client.jobs(&id).await).is_some(),
            self.seen(client.job_errors(&id, &job).await).is_some(),
            self.seen(client.checkpoints(&id, &job).await).is_some(),
            self.seen(client.restart(&id, &restart).await).is_some(),
            self.seen(client.patch(&id, &patch).await).is_some(),
            self.seen(client.delete(&id).await).is_some(),
        ];
        went.iter().all(|went| *went).then_some(())
    }
}
