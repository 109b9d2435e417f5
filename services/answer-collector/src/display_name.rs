//! The name that a viewer appears under on the leaderboard.

use cuepoint_shared::ids::UserId;

use crate::sharding::stable_hash;

/// The most characters of a name.
pub const MAX_CHARS: usize = 24;

/// The viewer's own name, without control characters, its spaces joined, cut to [`MAX_CHARS`].
/// Without one, a name that is the same each time and tells nothing of them.
pub fn display_name(own: Option<&str>, viewer_id: &UserId) -> String {
    let visible: String = own
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_whitespace() || !c.is_control())
        .collect();
    let words: Vec<_> = visible.split_whitespace().collect();
    let cut: String = words.join(" ").chars().take(MAX_CHARS).collect();
    match cut.trim_end() {
        "" => format!("Viewer {:04X}", stable_hash(viewer_id) & 0xFFFF),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_cleaned_and_bounded() {
        let viewer = "viewer-1".parse().unwrap();
        let name = |own| display_name(Some(own), &viewer);
        assert_eq!(name("  Ada \u{7}\n Lovelace "), "Ada Lovelace");
        assert_eq!(name(&"é".repeat(30)), "é".repeat(24));
        for nameless in [Some(""), Some(" \u{0} "), None] {
            let given = display_name(nameless, &viewer);
            assert!(given.starts_with("Viewer ") && given.len() == 11, "{given}");
        }
    }

    proptest! {
        #[test]
        fn every_name_can_be_shown(own in prop::collection::vec(any::<char>(), 0..60)) {
            let own: String = own.into_iter().collect();
            let name = display_name(Some(&own), &"viewer-1".parse().unwrap());
            prop_assert!(!name.trim().is_empty());
            prop_assert!(name.chars().count() <= MAX_CHARS);
            prop_assert!(!name.chars().any(char::is_control));
        }
    }
}
