//! A revocation ends what is playing, that and nothing else, and a later grant plays.

use cuepoint_e2e::revocation::Subject;
use stage::Stack;

#[tokio::test]
async fn a_revocation_ends_playback_and_a_later_grant_plays_again() {
    let stack = Stack::load().unwrap();
    let subjects = Subject::gather(&stack, 2).await.unwrap();
    let (subject, other) = (&subjects[0], &subjects[1]);
    let old_token = subject.grant().await.unwrap();
    let mut playing = subject.play(&old_token).await.unwrap();
    let others_token = other.grant().await.unwrap();
    let mut others = other.play(&others_token).await.unwrap();
    playing.plays_on(2).await.unwrap();
    others.plays_on(2).await.unwrap();

    let measured = subject.revoke(playing).await.unwrap();
    println!("last served {} ms after the event", measured.last_served_ms);
    assert!(!subject.is_let_in(&old_token).await.unwrap(), "a new start");
    others.plays_on(3).await.unwrap();

    let new_token = subject.grant().await.unwrap();
    assert!(!subject.is_let_in(&old_token).await.unwrap(), "still");
    let mut again = subject.play(&new_token).await.unwrap();
    again.plays_on(2).await.unwrap();
    others.plays_on(1).await.unwrap();
}
