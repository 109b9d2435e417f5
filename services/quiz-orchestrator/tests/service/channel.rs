//! One run is on air on a channel at a time; any number may wait for it.

use quiz_orchestrator::{
    run::{Run, RunStatus},
    store::{ChannelUse, Saved},
};
use serde_json::json;

use crate::cloud::Cloud;

impl Cloud {
    /// A run that an execution has and that waits for its start.
    async fn waiting(&self, execution: &str) -> Run {
        let run = self.schedule(&self.quiz().await).await;
        let claimed = self
            .task("claim-run", &run, json!({"executionId": execution}))
            .await
            .unwrap();
        assert_eq!(claimed["claimed"], true, "waiting takes no channel");
        run
    }

    /// Starts a run; a start that meets another one is tried again, as the state machine does.
    async fn start(&self, run: &Run) -> Result<(), String> {
        loop {
            match self.task("start-run", run, json!({})).await {
                Ok(_) => return Ok(()),
                Err(error) if error.error_type == "Throttled" => {}
                Err(error) => return Err(error.error_type),
            }
        }
    }

    async fn has_channel(&self, run: &Run) -> bool {
        let holder = self.store.holder(&self.channel_id()).await.unwrap();
        holder.as_ref() == Some(&run.run_id)
    }
}

#[tokio::test]
async fn a_run_cannot_start_while_another_is_on_air_and_its_failure_leaves_that_one_alone() {
    let cloud = Cloud::new().await;
    let (first, second) = (cloud.waiting("e1").await, cloud.waiting("e2").await);
    assert_eq!(cloud.store.holder(&cloud.channel_id()).await.unwrap(), None);
    cloud.start(&first).await.unwrap();
    assert!(cloud.has_channel(&first).await);

    for _ in 0..2 {
        let refused = cloud.task("start-run", &second, json!({})).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.error_type, "Conflict");
        let said = format!("another run has the channel {}", cloud.channel);
        assert!(refused.error_message.contains(&said), "{refused:?}");
    }
    assert_eq!(cloud.status(&second).await, "scheduled");
    let unseen = cloud.task("push-cancelled", &second, json!({})).await;
    assert_eq!(unseen.unwrap_err().error_type, "Conflict");
    assert!(cloud.ivs.cues().is_empty(), "nothing in the other's video");
    let abort = json!({"executionId": "e2", "failedStep": "StartRun", "reason": "Conflict"});
    let aborted = cloud.task("abort-run", &second, abort).await.unwrap();
    assert_eq!(aborted["status"], "aborted");
    assert!(cloud.has_channel(&first).await);
    assert_eq!(cloud.status(&first).await, "running");

    let third = cloud.waiting("e3").await;
    cloud.task("complete-run", &first, json!({})).await.unwrap();
    cloud.start(&third).await.unwrap();
    assert!(cloud.has_channel(&third).await);
}

#[tokio::test]
async fn of_runs_that_start_at_once_one_goes_on_air() {
    let cloud = Cloud::new().await;
    let (a, b, c) = (
        cloud.waiting("a").await,
        cloud.waiting("b").await,
        cloud.waiting("c").await,
    );
    let started = tokio::join!(cloud.start(&a), cloud.start(&b), cloud.start(&c));
    let mut on_air = 0;
    for (run, started) in [(&a, started.0), (&b, started.1), (&c, started.2)] {
        match started {
            Ok(()) => {
                on_air += 1;
                assert!(cloud.has_channel(run).await);
                assert_eq!(cloud.status(run).await, "running");
            }
            Err(error) => {
                assert_eq!(error, "Conflict");
                assert_eq!(cloud.status(run).await, "scheduled");
            }
        }
    }
    assert_eq!(on_air, 1);
}

#[tokio::test]
async fn a_run_that_ended_without_giving_its_channel_back_does_not_keep_it() {
    let cloud = Cloud::new().await;
    let (stale, next) = (cloud.waiting("e1").await, cloud.waiting("e2").await);
    let claimed = cloud.run(&stale.quiz_id, &stale.run_id).await;
    let ended = Run {
        status: RunStatus::Aborted,
        revision: claimed.revision + 1,
        ..claimed
    };
    let take = ChannelUse::Take { from: None };
    let saved = cloud.store.save(&ended, &take).await.unwrap();
    assert_eq!(saved, Saved::Done);
    assert!(cloud.has_channel(&stale).await);
    cloud.start(&next).await.unwrap();
    assert!(cloud.has_channel(&next).await);
}
