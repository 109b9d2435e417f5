//! Playback keys are rotated while viewers keep asking for tokens and start playback: no one is
//! refused, however the rotation is interrupted.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

#[path = "rotation/crowd.rs"]
mod crowd;
#[path = "rotation/keys.rs"]
mod keys;

use cuepoint_e2e::operator::Operator;
use stage::Stack;

use crowd::Crowd;
use keys::Keys;

/// One machine has one clock.
const ROTATE: [&str; 3] = ["rotate-playback-key", "--skew-seconds", "1"];
/// The steps that a rotation tells of.
const STEPS: u32 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_rotations_one_of_them_killed_at_each_step_refuse_nobody() {
    let stack = Stack::load().unwrap();
    let keys = Keys::of(&stack).await;
    let crowd = Crowd::gather(&stack, 4).await;
    let before = keys.at_ivs().await;
    let (first, versions) = (keys.current().await, keys.versions().await);
    assert!(before.contains(&first.fingerprint));

    rotate().await;
    let second = keys.current().await;
    assert_ne!(first.version, second.version);
    assert!(
        !keys.at_ivs().await.contains(&first.fingerprint),
        "it is retired"
    );

    rotate_killed_at_each_step().await;
    let third = keys.current().await;
    assert_ne!(second.version, third.version);

    rotate().await;
    let fourth = keys.current().await;
    assert_ne!(third.version, fourth.version);

    let told = crowd.leave().await;
    println!("{told}");
    assert!(told.refused.is_empty(), "{:#?}", told.refused);
    assert!(told.played > 10 && told.played_later > 10, "{told}");
    assert_eq!(
        keys.versions().await,
        versions + 3,
        "each rotation made one key, also the interrupted one"
    );

    let after = keys.at_ivs().await;
    let ours: Vec<_> = after.iter().filter(|key| !before.contains(*key)).collect();
    assert_eq!(
        ours,
        [&fourth.fingerprint],
        "one key pair of this stack is left"
    );
    assert!(!after.contains(&first.fingerprint));
    assert_eq!(
        crowd::announced_fingerprint(&stack).await,
        fourth.fingerprint
    );

    // Both are good for a minute, by what they say.
    let channel = &stack.channel;
    assert!(
        crowd::plays(&stack, &fourth.sign(channel)).await,
        "the current key's"
    );
    assert!(
        !crowd::plays(&stack, &third.sign(channel)).await,
        "a retired key's"
    );
}

async fn rotate() {
    let (status, said) = Operator::start(&ROTATE).unwrap().end().await.unwrap();
    assert!(status.success(), "{said:#?}");
    assert!(said.last().unwrap().contains("is rotated"), "{said:#?}");
    no_key_in(&said);
}

/// Kills it as soon as it tells of a step that no run before it has told of, until there is none.
async fn rotate_killed_at_each_step() {
    let mut killed_at = 0;
    let mut interrupted = Vec::new();
    while killed_at < STEPS {
        // The wait keeps the steps apart.
        let arguments = [&ROTATE[..], &["--settle-seconds", "1"]].concat();
        let mut operator = Operator::start(&arguments).unwrap();
        let step = loop {
            let line = operator.line().await.unwrap();
            let Some(line) = line else {
                panic!("it ended by itself: {:#?}", operator.said);
            };
            let step = line.split_once('/').and_then(|(step, _)| step.parse().ok());
            if let Some(step) = step.filter(|step| *step > killed_at) {
                break step;
            }
        };
        no_key_in(&operator.said);
        operator.kill().await.unwrap();
        interrupted.push(step);
        killed_at = step;
    }
    println!("killed after the steps {interrupted:?}");
    assert!(interrupted.len() > 4, "{interrupted:?}");
    let (status, said) = Operator::start(&ROTATE).unwrap().end().await.unwrap();
    assert!(status.success(), "{said:#?}");
    assert!(
        said[1].contains("was interrupted: it is finished"),
        "{said:#?}"
    );
    assert!(said.last().unwrap().contains("is finished"), "{said:#?}");
}

fn no_key_in(said: &[String]) {
    // What PEM and base64 of PEM begin with.
    let secret = |line: &&String| line.contains("BEGIN") || line.contains("LS0tLS");
    assert_eq!(said.iter().find(secret), None);
}
