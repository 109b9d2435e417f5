//! What may be saved as a quiz, and that all of it fits into the video.

use proptest::prelude::*;

use super::*;

fn draft() -> QuizDraft {
    QuizDraft {
        title: "Animals".to_owned(),
        questions: vec![QuestionDraft {
            question: "Which is a bird?".to_owned(),
            answers: vec!["Bat".to_owned(), "Emu".to_owned()],
            correct: Some(1),
            seconds: 15,
        }],
    }
}

fn check(change: impl FnOnce(&mut QuizDraft)) -> Result<Quiz, InvalidQuiz> {
    let mut draft = draft();
    change(&mut draft);
    Quiz::new("quiz".parse().unwrap(), draft, Timestamp::UNIX_EPOCH)
}

#[test]
fn a_good_quiz_is_taken_and_its_questions_are_numbered() {
    let quiz = check(|draft| {
        let mut poll = draft.questions[0].clone();
        poll.correct = None;
        draft.questions.push(poll);
    })
    .unwrap();
    let ids: Vec<_> = quiz
        .questions
        .iter()
        .map(|q| q.question_id.as_str())
        .collect();
    assert_eq!(ids, ["q1", "q2"]);
    assert_eq!(quiz.questions[1].correct, None);
}

#[test]
fn each_bound_is_kept_and_the_error_names_the_question() {
    assert_eq!(
        check(|d| d.title = " ".into()),
        Err(InvalidQuiz::Title { length: 0 })
    );
    assert_eq!(
        check(|d| d.title = "x".repeat(201)),
        Err(InvalidQuiz::Title { length: 201 })
    );
    assert_eq!(
        check(|d| d.questions.clear()),
        Err(InvalidQuiz::Questions { count: 0 })
    );
    assert_eq!(
        check(|d| d.questions = vec![d.questions[0].clone(); 51]),
        Err(InvalidQuiz::Questions { count: 51 })
    );
    let second = |change: fn(&mut QuestionDraft)| {
        check(|d| {
            let mut question = d.questions[0].clone();
            change(&mut question);
            d.questions.push(question);
        })
        .unwrap_err()
    };
    assert_eq!(
        second(|q| q.question = "\n".into()),
        InvalidQuiz::Question { n: 2, length: 0 }
    );
    assert_eq!(
        second(|q| q.answers.truncate(1)),
        InvalidQuiz::Answers { n: 2, count: 1 }
    );
    assert_eq!(
        second(|q| q.answers = vec!["x".into(); 11]),
        InvalidQuiz::Answers { n: 2, count: 11 }
    );
    assert_eq!(
        second(|q| q.answers[1] = String::new()),
        InvalidQuiz::Answer { n: 2, length: 0 }
    );
    assert_eq!(
        second(|q| q.correct = Some(2)),
        InvalidQuiz::Correct {
            n: 2,
            correct: 2,
            count: 2
        }
    );
    assert_eq!(
        second(|q| q.seconds = 4),
        InvalidQuiz::Seconds { n: 2, seconds: 4 }
    );
    assert_eq!(
        second(|q| q.seconds = 121),
        InvalidQuiz::Seconds { n: 2, seconds: 121 }
    );
}

#[test]
fn a_cue_counts_bytes_with_the_longest_run_id() {
    let size = |text: &str| {
        let quiz = check(|d| d.questions[0].question = text.to_owned()).unwrap();
        let run = "r".repeat(RunId::MAX).parse().unwrap();
        quiz.question_cue(run, 1, &quiz.questions[0].attempt(ATTEMPTS).unwrap())
            .encode()
            .unwrap()
            .len()
    };
    let room = MAX_CUE_BYTES - (size("x") - 1);
    // Four bytes each in UTF-8, two in the room of the last one.
    let fits = "🦤".repeat(room / 4);
    assert!(size(&fits) <= MAX_CUE_BYTES);
    let too_large = check(|d| {
        let second = QuestionDraft {
            question: format!("{fits}🦤"),
            ..d.questions[0].clone()
        };
        d.questions[0].question = "x".into();
        d.questions.push(second);
    });
    match too_large {
        Err(InvalidQuiz::CueTooLarge { n: 2, bytes }) => assert!(bytes > MAX_CUE_BYTES),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_question_that_is_asked_again_has_another_id_and_the_same_place() {
    let quiz = check(|d| d.questions.push(d.questions[0].clone())).unwrap();
    let asked = |id: &str| {
        let (n, question) = quiz.question(&id.parse().unwrap())?;
        Some((n, question.question_id.to_string()))
    };
    assert_eq!(asked("q2"), Some((2, "q2".to_owned())));
    assert_eq!(asked("q2-2"), Some((2, "q2-2".to_owned())));
    assert_eq!(asked("q1-3"), Some((1, "q1-3".to_owned())));
    for unknown in [
        "q3", "q3-2", "q1-10", "q1-1", "q1-02", "q1-", "q1-2-2", "-2",
    ] {
        assert_eq!(asked(unknown), None, "{unknown}");
    }
    assert!(quiz.has_points());
    assert!(
        !check(|d| d.questions[0].correct = None)
            .unwrap()
            .has_points()
    );
}

#[test]
fn results_and_cancellation_fit_at_their_longest() {
    let question = Question {
        question_id: "q".repeat(QuestionId::MAX).parse().unwrap(),
        question: String::new(),
        answers: vec![String::new(); *ANSWERS.end()],
        correct: Some(9),
        seconds: 5,
    };
    assert!(
        question
            .results_cue(vec![u64::MAX; *ANSWERS.end()])
            .encode()
            .is_ok()
    );
    let cancelled = Cue::Cancelled {
        quiz_id: "q".repeat(QuizId::MAX).parse().unwrap(),
        run_id: "r".repeat(RunId::MAX).parse().unwrap(),
    };
    assert!(cancelled.encode().is_ok());
}

proptest! {
    /// Whatever is taken can be shown, in every run.
    #[test]
    fn no_saved_quiz_fails_on_air(
        questions in prop::collection::vec(
            ("\\PC{1,300}", prop::collection::vec("\\PC{1,60}", 2..=10)),
            1..4,
        ),
        run in "[0-9a-f]{1,40}",
    ) {
        let questions = questions
            .into_iter()
            .map(|(question, answers)| QuestionDraft {
                question, answers, correct: Some(1), seconds: 15,
            })
            .collect();
        let draft = QuizDraft { title: "t".into(), questions };
        if let Ok(quiz) = Quiz::new("q".repeat(40).parse().unwrap(), draft, Timestamp::UNIX_EPOCH) {
            for (n, question) in (1..).zip(&quiz.questions) {
                for attempt in 1..=ATTEMPTS {
                    let asked = question.attempt(attempt).unwrap();
                    let cue = quiz.question_cue(run.parse().unwrap(), n, &asked);
                    prop_assert!(cue.encode().is_ok());
                    prop_assert_eq!(quiz.question(&asked.question_id), Some((n, asked)));
                }
            }
        }
    }
}
