//! The pages that may play a channel, as a playback token names them.

use std::net::Ipv6Addr;

use serde::Deserialize;

/// The origins of pages that may play a channel; at least one.
///
/// Each is `scheme://host[:port]` as a browser sends it: lower case, and without the scheme's own
/// port. A host may begin with `*.`, which stands for any part before it (IVS user guide, "Generate
/// and Sign IVS Playback Tokens"). A bare `*` would let every page play, and `*.com` nearly so: both
/// are refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Origins {
    claim: String,
    count: usize,
}

/// What is no list of origins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOrigins {
    /// Without any, IVS would let every page play.
    #[error("there is no origin that may play it")]
    None,
    /// This one is not of the form.
    #[error("{0:?} is not an origin: scheme://host or scheme://host:port, as a browser sends it")]
    Form(String),
}

impl Origins {
    /// The claim `aws:access-control-allow-origin`: all of them, separated by commas.
    pub fn claim(&self) -> &str {
        &self.claim
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }
}

impl TryFrom<Vec<String>> for Origins {
    type Error = InvalidOrigins;

    fn try_from(origins: Vec<String>) -> Result<Self, InvalidOrigins> {
        if origins.is_empty() {
            return Err(InvalidOrigins::None);
        }
        if let Some(wrong) = origins.iter().find(|origin| !is_origin(origin)) {
            return Err(InvalidOrigins::Form(wrong.clone()));
        }
        Ok(Self {
            count: origins.len(),
            claim: origins.join(","),
        })
    }
}

fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else {
        return false;
    };
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return false,
    };
    // The colons of an IPv6 address are inside its brackets.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    is_host(host) && port.is_none_or(|port| is_port(port, default_port))
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').unwrap_or_default();
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_name = |name: &str| {
        let mut labels = name.split('.');
        labels.all(|label| !label.is_empty() && label.chars().all(letters))
    };
    match host.strip_prefix("*.") {
        Some(domain) => {
            let last = domain.rsplit('.').next().unwrap_or_default();
            // An IPv4 address has no subdomains; its last part is a number, which no domain's is.
            let of_address = last.bytes().all(|digit| digit.is_ascii_digit());
            is_name(domain) && domain.contains('.') && !of_address
        }
        None => is_name(host),
    }
}

/// A port in digits that is not the scheme's own, which no browser sends.
fn is_port(port: &str, default: u16) -> bool {
    port.bytes().all(|digit| digit.is_ascii_digit())
        && port
            .parse::<u16>()
            .is_ok_and(|port| port != 0 && port != default)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(texts: &[&str]) -> Result<Origins, InvalidOrigins> {
        let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
        texts.try_into()
    }

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for fine in [
            "https://example.com",
            "https://live.example.com",
            "https://*.example.com",
            "http://localhost:5173",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "https://[2001:db8::1]",
            "https://example.com:8443",
            "https://xn--bcher-kva.example",
        ] {
            assert!(origins(&[fine]).is_ok(), "{fine}");
        }
        for wrong in [
            "",
            "*",
            "null",
            "https://",
            "https://*",
            "https://*.",
            "https://*.com",
            "http://*.0.0.1",
            "http://*.127.0.0.1",
            "https://*example.com",
            "https://a.*.example.com",
            "https://**.example.com",
            "example.com",
            "ftp://example.com",
            "https://example.com/",
            "https://example.com/page",
            "https://example.com?x",
            "https://example.com#x",
            "https://user@example.com",
            "https://a.example,https://b.example",
            "https://exa mple.com",
            "https://example.com ",
            "https://Example.com",
            "https://.example.com",
            "https://example.com.",
            "https://example..com",
            "https://example.com:",
            "https://example.com:0",
            "https://example.com:443",
            "http://example.com:80",
            "https://example.com:65536",
            "https://example.com:+1",
            "https://example.com:8443:1",
            "https://[::1",
            "https://[example]",
            "https://[::1]]",
        ] {
            let refused = Err(InvalidOrigins::Form(wrong.to_owned()));
            assert_eq!(origins(&[wrong]), refused, "{wrong}");
        }
    }

    #[test]
    fn the_claim_lists_them_all() {
        let two = origins(&["https://a.example", "https://b.example"]).unwrap();
        assert_eq!(two.claim(), "https://a.example,https://b.example");
        assert_eq!(two.count(), 2);
        assert_eq!(origins(&[]), Err(InvalidOrigins::None));
        let wrong = origins(&["https://a.example", "*"]);
        assert_eq!(wrong, Err(InvalidOrigins::Form("*".to_owned())));
    }
}
