//! Pagination: results are ordered by ARN, and a token names the last ARN of a page.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::ApiError;

/// One page of results.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next_token: Option<String>,
}

/// What a caller asks for.
pub(super) struct Wanted {
    /// Items a page, when the caller says.
    pub(super) max_results: Option<i64>,
    /// Where to go on.
    pub(super) next_token: Option<String>,
    /// Items a page at most (service model).
    pub(super) limit: usize,
    /// Items a page when the caller does not say.
    pub(super) default: usize,
}

/// Cuts a page out of `items`, which are in order of their ARNs.
pub(super) fn cut<T>(
    items: impl Iterator<Item = T>,
    arn: impl Fn(&T) -> &str,
    wanted: Wanted,
) -> Result<Page<T>, ApiError> {
    let size = match wanted.max_results {
        None => wanted.default,
        Some(asked) => usize::try_from(asked)
            .ok()
            .filter(|size| (1..=wanted.limit).contains(size))
            .ok_or_else(|| {
                ApiError::Validation(format!("maxResults must be from 1 to {}", wanted.limit))
            })?,
    };
    // The service answers an empty token like none.
    let after = wanted
        .next_token
        .filter(|token| !token.is_empty())
        .map(|token| decode(&token))
        .transpose()?;
    let mut rest = items.filter(|item| after.as_deref().is_none_or(|after| arn(item) > after));
    let items: Vec<T> = rest.by_ref().take(size).collect();
    let more = rest.next().is_some();
    let next_token = items
        .last()
        .filter(|_| more)
        .map(|last| URL_SAFE_NO_PAD.encode(arn(last)));
    Ok(Page { items, next_token })
}

fn decode(token: &str) -> Result<String, ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| ApiError::Validation("nextToken is not one of this server's".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wanted(max_results: Option<i64>, next_token: Option<String>) -> Wanted {
        Wanted {
            max_results,
            next_token,
            limit: 100,
            default: 50,
        }
    }

    #[test]
    fn sizes_and_tokens_out_of_range_are_refused() {
        for size in [-1, 0, 101] {
            assert!(
                cut(["a"].iter(), |a| a, wanted(Some(size), None)).is_err(),
                "{size}"
            );
        }
        assert!(cut(["a"].iter(), |a| a, wanted(None, Some("!".into()))).is_err());
    }

    proptest! {
        #[test]
        fn pages_are_all_items_in_order(count in 0usize..40, size in 1i64..12) {
            let all: Vec<String> = (0..count).map(|index| format!("arn:{index:03}")).collect();
            let (mut seen, mut token) = (Vec::new(), None);
            loop {
                let page = cut(all.iter(), |item| item, wanted(Some(size), token)).unwrap();
                seen.extend(page.items.into_iter().cloned());
                token = page.next_token;
                if token.is_none() {
                    break;
                }
            }
            prop_assert_eq!(seen, all);
        }
    }
}
