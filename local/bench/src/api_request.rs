//! Viewers' requests as the HTTP API hands them on: payload format 2.0, sent by a browser.

use serde_json::{Value, json};

/// What is asked, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Method and path, with the names of what is in the path: `GET /channels/{channelId}`.
    pub route: &'a str,
    /// What the path says, by name.
    pub parameters: &'a [(&'a str, &'a str)],
    /// Who asks.
    pub viewer: &'a str,
    /// What they send.
    pub body: Option<&'a str>,
}

/// The id of a viewer, in the form that Cognito gives it.
pub fn viewer(number: u64) -> String {
    format!("{number:08x}-1111-4111-8111-111111111111")
}

/// A request. A browser sends such headers, and API Gateway adds some.
pub fn request(asked: &Asked<'_>) -> Value {
    let Asked {
        route,
        parameters,
        viewer,
        body,
    } = *asked;
    let (method, pattern) = route.split_once(' ').unwrap_or(("GET", route));
    let path = parameters
        .iter()
        .fold(pattern.to_owned(), |path, (name, value)| {
            path.replace(&format!("{{{name}}}"), value)
        });
    let parameters: serde_json::Map<_, _> = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/142.0.0.0 Safari/537.36";
    let mut request = json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "application/json",
            "accept-encoding": "gzip, deflate, br, zstd",
            "accept-language": "en-GB,en;q=0.9",
            "authorization": format!("Bearer {}.{}.{}", "h".repeat(80), "c".repeat(640), "s".repeat(342)),
            "content-length": body.map_or(0, str::len).to_string(),
            "host": "abcdefghij.execute-api.eu-west-1.amazonaws.com",
            "origin": "https://show.example.com",
            "referer": "https://show.example.com/",
            "user-agent": agent,
            "x-amzn-trace-id": "Root=1-67891233-abcdef012345678912345678",
            "x-forwarded-for": "192.0.2.10",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "pathParameters": parameters,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "abcdefghij",
            "domainName": "abcdefghij.execute-api.eu-west-1.amazonaws.com",
            "domainPrefix": "abcdefghij",
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": route,
            "stage": "$default",
            "time": "22/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1_795_348_800_000_u64,
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.10",
                "userAgent": agent,
            },
            "authorizer": { "jwt": { "claims": identity(viewer), "scopes": null } },
        },
        "isBase64Encoded": false,
    });
    if let Some(body) = body {
        request["headers"]["content-type"] = json!("application/json");
        request["body"] = json!(body);
    }
    request
}

/// The claims of a Cognito user's ID token, as the HTTP API's authorizer hands them on.
pub fn identity(viewer: &str) -> Value {
    json!({
        "sub": viewer,
        "token_use": "id",
        "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI",
        "aud": "1example23456789",
        "cognito:username": viewer,
        "email": "viewer@example.com",
        "name": "A Viewer",
        "auth_time": "1795348000",
        "iat": "1795348000",
        "exp": "1795351600",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_says_what_its_parameters_say() {
        let request = request(&Asked {
            route: "POST /a/{a}/b/{b}",
            parameters: &[("a", "1"), ("b", "2")],
            viewer: "me",
            body: Some("{}"),
        });
        assert_eq!(request["rawPath"], "/a/1/b/2");
        assert_eq!(request["pathParameters"], json!({ "a": "1", "b": "2" }));
        assert_eq!(request["requestContext"]["http"]["method"], "POST");
        assert_eq!(request["headers"]["content-length"], "2");
        assert_eq!(
            request["requestContext"]["authorizer"]["jwt"]["claims"]["sub"],
            "me"
        );
    }
}
