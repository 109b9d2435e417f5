//! The file `stack.json`: what is written is read again, and its form is the one agreed on.

use serde_json::{Value, json};
use stage::{Stack, StackError};

fn example() -> Value {
    json!({
        "region": "eu-west-1",
        "endpointUrl": "http://127.0.0.1:4566",
        "ivsEndpointUrl": "http://127.0.0.1:4567",
        "accessKeyId": "test",
        "secretAccessKey": "test",
        "outputs": {
            "ApiUrl": "http://0a1b2c3d.execute-api.localhost:4566",
            "EventBusName": "cuepoint",
            "UserPoolId": "eu-west-1_AbC",
            "UserPoolClientId": "client",
            "EntitlementsTable": "entitlements",
            "QuizzesTable": "quizzes",
            "WindowsTable": "windows",
            "AnswersTable": "answers",
            "TalliesTable": "tallies",
            "QuizShowArn": "arn:aws:states:eu-west-1:000000000000:stateMachine:quiz-show",
            "QuizShowCompensationArn": "arn:aws:states:eu-west-1:000000000000:stateMachine:undo",
            "PlaybackKeySecretArn": "arn:aws:secretsmanager:eu-west-1:000000000000:secret:key",
            "TokenApiFunctionName": "cuepoint-token-api",
            "EntitlementOutboxFunctionName": "cuepoint-entitlement-outbox",
            "QuizOutboxFunctionName": "cuepoint-quiz-outbox",
            "LiveTallyFunctionName": "cuepoint-live-tally",
            "EntitlementIntakeQueueUrl": "http://127.0.0.1:4566/0",
            "AnswerRecordingQueueUrl": "http://127.0.0.1:4566/6",
            "EntitlementIntakeDlqUrl": "http://127.0.0.1:4566/1",
            "EntitlementOutboxDlqUrl": "http://127.0.0.1:4566/2",
            "QuizOutboxDlqUrl": "http://127.0.0.1:4566/3",
            "QuizShowStartDlqUrl": "http://127.0.0.1:4566/4",
            "QuizShowCompensationStartDlqUrl": "http://127.0.0.1:4566/8",
            "LiveTallyDlqUrl": "http://127.0.0.1:4566/5",
            "AnswerRecordingDlqUrl": "http://127.0.0.1:4566/7",
        },
        "channel": {
            "channelId": "AbC",
            "arn": "arn:aws:ivs:eu-west-1:000000000000:channel/AbC",
            "playbackUrl": "http://127.0.0.1:4567/AbC.m3u8",
            "rtmpUrl": "rtmp://127.0.0.1:4568/app/key",
            "origin": "http://localhost:8080",
        },
        "offlineChannel": {
            "channelId": "DeF",
            "arn": "arn:aws:ivs:eu-west-1:000000000000:channel/DeF",
            "playbackUrl": "http://127.0.0.1:4567/DeF.m3u8",
            "rtmpUrl": "rtmp://127.0.0.1:4568/app/other-key",
            "origin": "http://localhost:8080",
        },
        "spareChannels": [{
            "channelId": "GhI",
            "arn": "arn:aws:ivs:eu-west-1:000000000000:channel/GhI",
            "playbackUrl": "http://127.0.0.1:4567/GhI.m3u8",
            "rtmpUrl": "rtmp://127.0.0.1:4568/app/third-key",
            "origin": "http://localhost:8080",
        }],
        "pageUrl": "http://127.0.0.1:8080/",
        "faultProxy": {
            "controlUrl": "http://127.0.0.1:4569",
            "endpointUrl": "http://127.0.0.1:4570",
            "ivsEndpointUrl": "http://127.0.0.1:4571",
        },
    })
}

#[test]
fn a_saved_stack_is_loaded_again_in_the_agreed_form() {
    let folder = std::env::temp_dir().join(format!("stack-file-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("stack.json");
    let stack: Stack = serde_json::from_value(example()).unwrap();
    stack.save(&file).unwrap();

    assert_eq!(Stack::load_from(&file).unwrap(), stack);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), example());
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        1,
        "nothing else is left behind"
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_stack_may_have_no_page() {
    let mut without = example();
    without.as_object_mut().unwrap().remove("pageUrl");
    let stack: Stack = serde_json::from_value(without.clone()).unwrap();
    assert_eq!(stack.page_url, None);
    assert_eq!(serde_json::to_value(&stack).unwrap(), without);
}

#[test]
fn a_missing_file_says_what_to_do() {
    let error = Stack::load_from("/nowhere/stack.json".as_ref()).unwrap_err();
    assert!(matches!(error, StackError::Access { .. }));
    assert!(error.to_string().contains("cargo xtask up"), "{error}");
}

#[test]
fn the_api_is_reached_by_a_client_of_its_own() {
    let stack: Stack = serde_json::from_value(example()).unwrap();
    assert!(stack.http_client().is_ok());

    let mut broken = stack;
    broken.outputs.api_url = "not a URL".into();
    assert!(matches!(broken.http_client(), Err(StackError::Address(_))));
}
