//! A short soak; `cargo xtask soak` runs a long one.

use cuepoint_e2e::{
    publisher::ffmpeg,
    soak::{self, Plan},
};

#[tokio::test]
async fn every_player_sees_every_cue_once_and_the_server_does_not_grow() {
    // Tests are built into a folder beside the programs.
    let test = std::env::current_exe().unwrap();
    let programs = test.parent().unwrap().parent().unwrap();
    let plan = Plan {
        seconds: 20,
        players: 10,
        cues_per_second: 2,
        ivs_local: programs.join("ivs-local"),
        ffmpeg: ffmpeg(),
    };
    let report = soak::run(&plan, &|line| println!("{line}")).await.unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    assert!(report.cues >= 20, "{report:?}");
    assert_eq!(report.seen, report.cues * 10);
}
