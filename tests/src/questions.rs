//! The questions of the demo's quiz.

use serde_json::{Value, json};

/// Question, options, index of the correct one.
const QUESTIONS: [(&str, [&str; 4], u32); 6] = [
    (
        "Which planet has the most moons?",
        ["Jupiter", "Saturn", "Uranus", "Neptune"],
        1,
    ),
    (
        "What does HLS stand for?",
        [
            "High Level Stream",
            "Hyper Link Show",
            "HTTP Live Streaming",
            "Half Lost Signal",
        ],
        2,
    ),
    (
        "How many minutes are in a day?",
        ["1,440", "1,240", "2,400", "3,600"],
        0,
    ),
    (
        "Who wrote “Faust”?",
        ["Schiller", "Kafka", "Mann", "Goethe"],
        3,
    ),
    (
        "Which of these is a prime number?",
        ["91", "87", "97", "93"],
        2,
    ),
    (
        "日本の首都はどこですか。",
        ["大阪", "東京", "京都", "札幌"],
        1,
    ),
];

/// How many options every question has.
pub const OPTIONS: u32 = 4;

/// A quiz of `count` questions of `seconds` each, as the API takes it.
pub fn quiz(count: usize, seconds: u32) -> Value {
    let questions: Vec<_> = (0..count)
        .map(|index| {
            let (question, answers, correct) = QUESTIONS[index % QUESTIONS.len()];
            json!({
                "question": question,
                "answers": answers,
                "correct": correct,
                "seconds": seconds,
            })
        })
        .collect();
    json!({ "title": "The evening's quiz", "questions": questions })
}

/// The index of the correct option of the question at this place.
pub fn correct(index: usize) -> u32 {
    QUESTIONS[index % QUESTIONS.len()].2
}
