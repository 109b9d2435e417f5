//! One run is on air on a channel at a time; any number may wait for it, each for its own time.

use jiff::SignedDuration;
use quiz_orchestrator::{channel_schedule::ChannelSchedule, run::Run, store::Saved};
use serde_json::json;

use crate::cloud::Cloud;

impl Cloud {
    /// A run that an execution has and that waits for its start, so many minutes ahead.
    async fn waiting(&self, execution: &str, minutes: i64) -> Run {
        let run = self.schedule_in(&self.quiz().await, minutes).await;
        let claimed = self.claim(execution, &run).await;
        assert_eq!(claimed["claimed"], true, "waiting takes no channel");
        run
    }

    /// Starts a run for an execution; a start that meets another one is tried again, as the state
    /// machine does.
    async fn start(&self, run: &Run, execution: &str) -> Result<(), String> {
        loop {
            let execution = json!({ "executionId": execution });
            match self.task("start-run", run, execution).await {
                Ok(_) => return Ok(()),
                Err(error) if ["Throttled", "Unavailable"].contains(&&*error.error_type) => {}
                Err(error) => return Err(error.error_type),
            }
        }
    }

    async fn has_channel(&self, run: &Run) -> bool {
        let holder = self.store.holder(&self.channel_id()).await.unwrap();
        holder.as_ref() == Some(&run.run_id)
    }

    async fn slots(&self) -> Vec<quiz_orchestrator::channel_schedule::Slot> {
        let schedule = self.store.schedule(&self.channel_id()).await;
        schedule.unwrap().slots
    }
}

#[tokio::test]
async fn a_run_cannot_start_while_another_is_on_air_and_its_failure_leaves_that_one_alone() {
    let cloud = Cloud::new().await;
    let (first, second) = (cloud.waiting("e1", 60).await, cloud.waiting("e2", 70).await);
    assert_eq!(cloud.store.holder(&cloud.channel_id()).await.unwrap(), None);
    cloud.start(&first, "e1").await.unwrap();
    assert!(cloud.has_channel(&first).await);

    for _ in 0..2 {
        let execution = json!({"executionId": "e2"});
        let refused = cloud.task("start-run", &second, execution).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.error_type, "ChannelTaken");
        let said = format!("another run has the channel {}", cloud.channel);
        assert!(refused.error_message.contains(&said), "{refused:?}");
    }
    assert_eq!(cloud.status(&second).await, "scheduled");
    let unseen = cloud.task("push-cancelled", &second, json!({})).await;
    assert_eq!(unseen.unwrap_err().error_type, "Conflict");
    assert!(cloud.ivs.cues().is_empty(), "nothing in the other's video");
    let abort = json!({"executionId": "e2", "failedStep": "StartRun", "reason": "ChannelTaken"});
    let aborted = cloud.task("abort-run", &second, abort).await.unwrap();
    assert_eq!(aborted["status"], "aborted");
    assert!(cloud.has_channel(&first).await);
    assert_eq!(cloud.status(&first).await, "running");

    let third = cloud.waiting("e3", 80).await;
    cloud.task("complete-run", &first, json!({})).await.unwrap();
    cloud.start(&third, "e3").await.unwrap();
    assert!(cloud.has_channel(&third).await);
    assert_eq!(cloud.slots().await, []);
}

#[tokio::test]
async fn of_runs_that_start_at_once_one_goes_on_air() {
    let cloud = Cloud::new().await;
    let (a, b, c) = (
        cloud.waiting("a", 60).await,
        cloud.waiting("b", 70).await,
        cloud.waiting("c", 80).await,
    );
    let started = tokio::join!(
        cloud.start(&a, "a"),
        cloud.start(&b, "b"),
        cloud.start(&c, "c")
    );
    let mut on_air = 0;
    for (run, started) in [(&a, started.0), (&b, started.1), (&c, started.2)] {
        match started {
            Ok(()) => {
                on_air += 1;
                assert!(cloud.has_channel(run).await);
                assert_eq!(cloud.status(run).await, "running");
            }
            Err(error) => {
                assert_eq!(error, "ChannelTaken");
                assert_eq!(cloud.status(run).await, "scheduled");
            }
        }
    }
    assert_eq!(on_air, 1);
}

#[tokio::test]
async fn a_schedule_is_changed_only_over_the_one_that_was_read() {
    let cloud = Cloud::new().await;
    let run = cloud.waiting("e1", 60).await;
    let read = cloud.run(&run.quiz_id, &run.run_id).await;
    let outdated = ChannelSchedule {
        revision: 1,
        ..ChannelSchedule::default()
    };
    let changed = read.cancel(read.changed_at).unwrap().unwrap();
    let saved = cloud.store.save(&changed, Some(&outdated)).await.unwrap();
    assert_eq!(saved, Saved::Outdated);
    assert_eq!(cloud.status(&run).await, "scheduled", "both or none");
    assert_eq!(cloud.slots().await, [run.slot()]);
}

#[tokio::test]
async fn two_quizzes_at_once_are_refused_when_the_second_is_scheduled() {
    let cloud = Cloud::new().await;
    let first = cloud.schedule_in(&cloud.quiz().await, 60).await;
    let quiz_id = cloud.quiz().await;
    let schedule = async |after: SignedDuration| {
        let starts_at = first.starts_at + after;
        let body = json!({"channelId": cloud.channel, "startsAt": starts_at});
        let ids = json!({ "quizId": quiz_id });
        cloud.call("POST /quizzes/{quizId}/runs", ids, body).await
    };
    let (status, problem) = schedule(SignedDuration::from_secs(10)).await;
    assert_eq!(
        (status, &problem["type"]),
        (409, &json!("urn:cuepoint:problem:channel-booked"))
    );
    assert_eq!(
        (&problem["runId"], &problem["startsAt"], &problem["endsAt"]),
        (
            &json!(first.run_id),
            &json!(first.starts_at),
            &json!(first.ends_at)
        )
    );
    let right_after = first.ends_at.duration_since(first.starts_at);
    assert_eq!(schedule(right_after).await.0, 201);
    assert_eq!(cloud.slots().await.len(), 2);
    cloud.cancel(&first).await;
    assert_eq!(
        cloud.slots().await.len(),
        1,
        "a cancelled run gives its time back"
    );
    // Of several that want the same time at once, one gets it.
    let again = || schedule(SignedDuration::ZERO);
    let answers = tokio::join!(again(), again(), again());
    let mut statuses = [answers.0.0, answers.1.0, answers.2.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409]);
}

#[tokio::test]
async fn a_run_is_moved_while_it_waits_and_its_execution_is_replaced() {
    let cloud = Cloud::new().await;
    let (run, other) = (cloud.waiting("e1", 60).await, cloud.waiting("e2", 70).await);
    let move_to = async |starts_at: jiff::Timestamp| {
        let ids = json!({"quizId": run.quiz_id, "runId": run.run_id});
        let route = "PATCH /quizzes/{quizId}/runs/{runId}";
        cloud
            .call(route, ids, json!({ "startsAt": starts_at }))
            .await
    };
    let (status, problem) = move_to(other.starts_at).await;
    assert_eq!((status, &problem["runId"]), (409, &json!(other.run_id)));
    let later = run.starts_at + SignedDuration::from_hours(2);
    for _ in 0..2 {
        let (status, moved) = move_to(later).await;
        assert_eq!((status, &moved["startsAt"]), (200, &json!(later)));
        assert_eq!(moved["status"], "scheduled");
    }
    let moved = cloud.run(&run.quiz_id, &run.run_id).await;
    assert_eq!(moved.execution_id, None);
    assert_eq!(cloud.slots().await, [other.slot(), moved.slot()]);
    assert_eq!(cloud.start(&run, "e1").await.unwrap_err(), "Replaced");
    assert_eq!(cloud.claim("e3", &moved).await["claimed"], true);
    assert_eq!(cloud.start(&run, "e1").await.unwrap_err(), "Replaced");

    let (status, problem) = move_to(run.starts_at - SignedDuration::from_hours(2)).await;
    assert_eq!(
        (status, &problem["type"]),
        (422, &json!("urn:cuepoint:problem:invalid-run"))
    );
    cloud.start(&run, "e3").await.unwrap();
    let (status, problem) = move_to(later).await;
    assert_eq!(
        (status, &problem["type"]),
        (409, &json!("urn:cuepoint:problem:run-started"))
    );
}
