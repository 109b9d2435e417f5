//! The name that a viewer appears under on the leaderboard: their own, cleaned.
//!
//! It stands beside other names in the video and on pages. So it is one line of bounded length in
//! one normal form, has nothing in it that cannot be seen or that changes the direction of what
//! comes after it, and does not reach into the lines above and below.

use cuepoint_shared::ids::UserId;
use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use crate::sharding::stable_hash;

/// The most characters of a name, as readers count them: extended grapheme clusters (Unicode
/// Standard Annex #29).
pub const MAX_GRAPHEMES: usize = 24;
/// The most bytes of a name, in UTF-8.
pub const MAX_BYTES: usize = 96;
/// The most marks above or below one letter. Living scripts do with five: Burmese has up to four,
/// and a Thai or Hebrew letter three.
const MAX_MARKS: usize = 5;
/// How much is looked at of what is given, in code points.
const LOOKED_AT: usize = 1_024;

/// The viewer's own name: in normal form C, its spaces joined, without what cannot be seen, cut to
/// [`MAX_GRAPHEMES`] and [`MAX_BYTES`]. Where nothing is left of it, a name that is the same each
/// time and tells nothing of them. A name that is cleaned again stays as it is.
pub fn display_name(own: Option<&str>, viewer_id: &UserId) -> String {
    match own {
        Some(own) if is_plain(own) => own.to_owned(),
        _ => cleaned(own, viewer_id),
    }
}

/// Whether a name is short and of plain ASCII, as most are: nothing has to be done to it.
fn is_plain(own: &str) -> bool {
    let seen = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    (1..=MAX_GRAPHEMES).contains(&own.len())
        && own.bytes().all(seen)
        && own.split(' ').all(|word| !word.is_empty())
}

fn cleaned(own: Option<&str>, viewer_id: &UserId) -> String {
    let given = own.unwrap_or_default().chars().take(LOOKED_AT);
    let seen: String = given.nfc().filter_map(shown).collect();
    let flat = without_towers(&seen);
    let words: Vec<_> = flat.split(' ').filter(|word| !word.is_empty()).collect();
    // What has become neighbours may be one character by now.
    let joined: String = words.join(" ").nfc().collect();
    match cut(&joined).trim_end() {
        "" => format!("Viewer {:04X}", stable_hash(viewer_id) & 0xFFFF),
        name => name.to_owned(),
    }
}

/// A space for every kind of space and break; nothing for what cannot be seen.
fn shown(c: char) -> Option<char> {
    use GeneralCategory as Is;
    if c.is_whitespace() {
        return Some(' ');
    }
    let hidden = matches!(
        get_general_category(c),
        Is::Control | Is::Format | Is::PrivateUse | Is::Surrogate | Is::Unassigned
    );
    (!hidden && !is_blank(c)).then_some(c)
}

/// Letters, marks and symbols without a shape: those that Unicode calls default ignorable
/// (`DerivedCoreProperties.txt`), and the empty Braille pattern.
fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\u{34F}'
            | '\u{115F}'
            | '\u{1160}'
            | '\u{17B4}'
            | '\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FFA0}'
            | '\u{E0100}'..='\u{E01EF}'
    )
}

/// Marks that take no room of their own.
fn is_mark(c: char) -> bool {
    use GeneralCategory as Is;
    matches!(
        get_general_category(c),
        Is::NonspacingMark | Is::EnclosingMark
    )
}

/// Without marks beyond [`MAX_MARKS`], and without any that stand on nothing.
fn without_towers(text: &str) -> String {
    let mut height = MAX_MARKS;
    let keep = |c: &char| {
        height = match (*c, is_mark(*c)) {
            (' ', _) => MAX_MARKS,
            (_, false) => 0,
            (_, true) => height + 1,
        };
        *c == ' ' || height <= MAX_MARKS
    };
    text.chars().filter(keep).collect()
}

/// As many whole characters from the beginning as are allowed.
fn cut(text: &str) -> &str {
    let mut end = 0;
    for (start, grapheme) in text.grapheme_indices(true).take(MAX_GRAPHEMES) {
        if start + grapheme.len() > MAX_BYTES {
            break;
        }
        end = start + grapheme.len();
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::is_nfc;

    use super::*;

    fn viewer() -> UserId {
        "viewer-1".parse().unwrap()
    }

    fn name(own: &str) -> String {
        display_name(Some(own), &viewer())
    }

    #[test]
    fn names_of_any_script_are_kept() {
        for own in [
            "Ada Lovelace",
            "O’Brien-Smith Jr.",
            "Nguyễn Thị Minh",
            "Ольга",
            "محمد علي",
            "שָׁלוֹם",
            "李小龍",
            "さくら",
            "김민준",
            "नरेन्द्र",
            "ธิดารัตน์",
            "ရှုံ့",
            "🦊 Fox",
            "R2-D2 <3",
        ] {
            assert_eq!(name(own), own);
        }
    }

    #[test]
    fn a_name_is_one_line_in_one_form() {
        assert_eq!(name("  Ada \u{7}\n Lovelace\u{2028}\u{A0}"), "Ada Lovelace");
        assert_eq!(name("Zoe\u{308}"), "Zo\u{EB}");
    }

    #[test]
    fn what_cannot_be_seen_or_turns_the_line_is_not_in_a_name() {
        assert_eq!(name("A\u{200B}d\u{FEFF}a\u{AD}"), "Ada");
        assert_eq!(name("\u{202E}adA\u{202C} \u{2066}x\u{2069}"), "adA x");
        assert_eq!(name("Ada\u{E000}\u{378}\u{FE0F}"), "Ada");
        // Only a letter apart they were two; now they are one.
        assert_eq!(name("e\u{200D}\u{301}"), "\u{E9}");
    }

    #[test]
    fn marks_do_not_reach_into_other_lines() {
        let tower = format!("A{}da", "\u{31B}\u{316}\u{308}\u{330}".repeat(9));
        let cleaned = name(&tower);
        assert!(cleaned.ends_with("da"), "{cleaned}");
        assert_eq!(cleaned.chars().filter(|c| is_mark(*c)).count(), MAX_MARKS);
        assert_eq!(name("\u{301}Ada \u{301}\u{302}L"), "Ada L", "on nothing");
    }

    #[test]
    fn a_name_is_cut_between_characters() {
        assert_eq!(name(&"é".repeat(30)), "é".repeat(24));
        // Ten graphemes of eleven bytes each.
        let cut = name(&"क्ष्म".repeat(10));
        assert!(cut.len() <= MAX_BYTES && "क्ष्म".repeat(10).starts_with(&cut));
        assert_eq!(name("twenty-three characters x"), "twenty-three characters");
    }

    #[test]
    fn who_has_no_name_gets_one_that_tells_nothing() {
        for nameless in [
            None,
            Some(""),
            Some(" \u{0} "),
            Some("\u{3164}\u{200B}"),
            Some("\u{301}"),
        ] {
            let given = display_name(nameless, &viewer());
            assert!(given.starts_with("Viewer ") && given.len() == 11, "{given}");
        }
        let other = display_name(None, &"viewer-2".parse().unwrap());
        assert_ne!(display_name(None, &viewer()), other);
    }

    /// Of all characters, but most of them such as make trouble.
    fn text() -> impl Strategy<Value = String> {
        let trouble = prop::sample::select(vec![
            'a',
            'e',
            ' ',
            '\u{301}',
            '\u{316}',
            '\u{20E3}',
            '\u{200D}',
            '\u{202E}',
            '\u{200B}',
            '\u{1100}',
            '\u{1161}',
            '\u{11A8}',
            '\u{93E}',
            '\u{94D}',
            '\u{915}',
            '\u{FE0F}',
            '\u{1F468}',
            '\u{1F1EA}',
            '\u{3164}',
            '\n',
            '\u{5D0}',
            '\u{E000}',
            '\u{34F}',
            '\u{AC00}',
            '\u{2000}',
            '\u{212B}',
        ]);
        let character = prop_oneof![3 => trouble, 1 => any::<char>()];
        prop::collection::vec(character, 0..80).prop_map(String::from_iter)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn every_name_can_be_shown(own in text()) {
            let name = name(&own);
            prop_assert!(!name.is_empty() && name.trim() == name && !name.contains("  "));
            prop_assert!(name.graphemes(true).count() <= MAX_GRAPHEMES);
            prop_assert!(name.len() <= MAX_BYTES);
            prop_assert!(is_nfc(&name));
            prop_assert!(name.chars().all(|c| shown(c) == Some(c)), "{name:?}");
            let mut marks = 0;
            for c in name.chars() {
                marks = if is_mark(c) { marks + 1 } else { 0 };
                prop_assert!(marks <= MAX_MARKS, "{name:?}");
            }
        }

        #[test]
        fn a_plain_name_is_what_cleaning_makes_of_it(own in "[ -~]{0,26}|[a ]{0,6}|[ -~é\n]{0,8}") {
            if is_plain(&own) {
                prop_assert_eq!(cleaned(Some(&own), &viewer()), own);
            }
        }

        #[test]
        fn a_clean_name_stays_as_it_is(own in text()) {
            let clean = name(&own);
            prop_assert_eq!(name(&clean), clean);
        }
    }
}
