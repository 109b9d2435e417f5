//! Browser origins that a token or a playback restriction policy allows.

/// A list of origins, each `scheme://host[:port]`; a host may begin with `*`; `*` alone is any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// Reads the claim's comma-separated list.
    pub fn parse(list: &str) -> Self {
        list.split(',').collect()
    }

    /// Whether a request may be served that comes from `origin`, the value of its header. When
    /// `strict`, it must say where it comes from; else only a browser that says so is held to it.
    pub fn admit(&self, origin: Option<&str>, strict: bool) -> bool {
        origin.map_or(!strict, |origin| self.allow(origin))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no origin is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a request with this `Origin` header may be served.
    pub fn allow(&self, origin: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        self.0.iter().any(|entry| matches(entry, &origin))
    }
}

impl<'a> FromIterator<&'a str> for Origins {
    fn from_iter<I: IntoIterator<Item = &'a str>>(entries: I) -> Self {
        let entries = entries
            .into_iter()
            .map(|entry| entry.trim().to_ascii_lowercase());
        Self(entries.filter(|entry| !entry.is_empty()).collect())
    }
}

fn matches(entry: &str, origin: &str) -> bool {
    if entry == "*" || entry == origin {
        return true;
    }
    let Some((scheme, host)) = entry.split_once("://") else {
        return false;
    };
    let Some(ending) = host.strip_prefix('*') else {
        return false;
    };
    // The wildcard stands for at least one character: `*.a.com` is not `.a.com`.
    origin
        .strip_prefix(scheme)
        .and_then(|rest| rest.strip_prefix("://"))
        .is_some_and(|host| host.len() > ending.len() && host.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_matched_whole_or_by_their_ending() {
        let origins = Origins::parse("http://localhost:5173, https://*.example.com");
        for allowed in [
            "http://localhost:5173",
            "https://a.example.com",
            "HTTPS://A.B.Example.com",
        ] {
            assert!(origins.allow(allowed), "{allowed}");
        }
        for refused in [
            "http://localhost",
            "http://localhost:5174",
            "https://localhost:5173",
            "https://example.com",
            "http://a.example.com",
            "https://a.example.com.evil.test",
            "https://.example.com",
            "null",
            "",
        ] {
            assert!(!origins.allow(refused), "{refused}");
        }
    }

    #[test]
    fn a_star_allows_any_and_an_empty_list_none() {
        assert!(Origins::parse("*").allow("https://anything.test"));
        assert!(!Origins::parse("").allow("https://anything.test"));
        assert!(Origins::parse(" , ").is_empty());
    }
}
