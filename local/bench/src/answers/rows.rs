//! The answers of an audience as DynamoDB writes them: each follows from its shard and number.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;

use super::fixture::OPTIONS;

/// The window: how long answers come.
const WINDOW_MILLIS: u64 = 20_000;

/// What the answer of this number in its shard chose: options are chosen differently often.
pub(super) fn choice(shard: u64, number: u64) -> u64 {
    mixed(shard, number) % 7 % u64::from(OPTIONS)
}

/// Chance that is the same each time (the finalizer of splitmix64).
fn mixed(shard: u64, number: u64) -> u64 {
    let mut z = (shard << 32 | number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z ^ (z >> 31)
}

/// The id of a viewer: in its shard, ids are in the order of numbers.
fn viewer_id(shard: u64, number: u64) -> String {
    format!("{number:08x}-1111-4111-8111-{shard:012x}")
}

/// The number in an id.
pub(super) fn number(viewer_id: &str) -> u64 {
    let digits = viewer_id.get(..8).unwrap_or_default();
    u64::from_str_radix(digits, 16).unwrap_or_default()
}

/// What an answer takes of a page.
pub(super) fn item_bytes(partition: &str) -> usize {
    let attributes = [
        ("partition", partition.len()),
        ("viewerId", 36),
        // A small number: a byte for every two digits, and one.
        ("choice", 2),
        ("receivedAt", 24),
        ("name", 11),
    ];
    attributes
        .iter()
        .map(|(name, value)| name.len() + value)
        .sum()
}

/// One item's text, and where in it what differs.
pub(super) struct Row {
    text: Vec<u8>,
    shard: u64,
    number_at: Option<usize>,
    choice_at: Option<usize>,
    seconds_at: Option<usize>,
    name_at: Option<usize>,
    first_second: u64,
}

impl Row {
    /// With the attributes that a projection names.
    pub(super) fn new(projection: &str, shard: u64, opened_at: Timestamp) -> Self {
        let mut text = Vec::from(*b"{");
        let mut put = |named: &str, attribute: String, before: usize| {
            projection.contains(named).then(|| {
                if text.len() > 1 {
                    text.push(b',');
                }
                text.extend_from_slice(attribute.as_bytes());
                text.len() - attribute.len() + before
            })
        };
        let id = viewer_id(shard, 0);
        let opened = opened_at.strftime("%Y-%m-%dT%H:%M:");
        let number_at = put("viewerId", format!(r#""viewerId":{{"S":"{id}"}}"#), 17);
        let choice_at = put("choice", r#""choice":{"N":"0"}"#.to_owned(), 15);
        let received = format!(r#""receivedAt":{{"S":"{opened}00.000Z"}}"#);
        let seconds_at = put("receivedAt", received, 19 + 17);
        let name_at = put("name", r#""name":{"S":"Viewer 0000"}"#.to_owned(), 13 + 7);
        text.push(b'}');
        Self {
            text,
            shard,
            number_at,
            choice_at,
            seconds_at,
            name_at,
            first_second: u64::try_from(opened_at.as_second().rem_euclid(60)).unwrap_or_default(),
        }
    }

    pub(super) fn page(&self, numbers: std::ops::Range<u64>, partition: &str, more: bool) -> Bytes {
        let count = numbers.end.saturating_sub(numbers.start);
        let mut page = Vec::with_capacity((self.text.len() + 1) * count as usize + 512);
        page.extend_from_slice(br#"{"Items":["#);
        for number in numbers.clone() {
            if number > numbers.start {
                page.push(b',');
            }
            let at = page.len();
            page.extend_from_slice(&self.text);
            self.fill(&mut page[at..], number);
        }
        let counts = format!(r#"],"Count":{count},"ScannedCount":{count}"#);
        page.extend_from_slice(counts.as_bytes());
        if more && count > 0 {
            let last = json!({
                "partition": { "S": partition },
                "viewerId": { "S": viewer_id(self.shard, numbers.end - 1) },
            });
            page.extend_from_slice(format!(r#","LastEvaluatedKey":{last}"#).as_bytes());
        }
        page.push(b'}');
        page.into()
    }

    fn fill(&self, text: &mut [u8], number: u64) {
        let mixed = mixed(self.shard, number);
        if let Some(at) = self.number_at {
            digits::<16>(&mut text[at..at + 8], number);
        }
        if let Some(at) = self.choice_at {
            digits::<10>(&mut text[at..=at], choice(self.shard, number));
        }
        if let Some(at) = self.seconds_at {
            let millis = (mixed >> 16) % WINDOW_MILLIS;
            digits::<10>(&mut text[at..at + 2], self.first_second + millis / 1_000);
            digits::<10>(&mut text[at + 3..at + 6], millis % 1_000);
        }
        if let Some(at) = self.name_at {
            digits::<16>(&mut text[at..at + 4], mixed >> 40);
        }
    }
}

/// Writes the last digits of a number.
fn digits<const BASE: u64>(text: &mut [u8], mut number: u64) {
    for digit in text.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number % BASE) as usize];
        number /= BASE;
    }
}
