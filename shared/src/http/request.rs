//! A request as the HTTP API hands it to a function: who calls, and what they sent.

use std::{borrow::Cow, collections::HashMap, str::FromStr};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::Value;

use super::Problem;
use crate::ids::UserId;

/// The most that a request's body may have, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// The Cognito group whose members may write and run quizzes.
pub const PRODUCERS: &str = "producers";

/// What the functions read of a request of an HTTP API, payload format 2.0.
///
/// Of the event it holds only that: no headers, so no token that could end up in a log, and no time
/// is spent on them. `aws_lambda_events::apigw::ApiGatewayV2httpRequest` holds all of it.
///
/// Source: "AWS Lambda payload format version" in the developer guide of API Gateway.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    route_key: Option<String>,
    path_parameters: Option<HashMap<String, String>>,
    request_context: RequestContext,
    body: Option<String>,
    is_base64_encoded: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RequestContext {
    authorizer: Option<Authorizer>,
}

#[derive(Deserialize)]
struct Authorizer {
    jwt: Option<Jwt>,
}

#[derive(Deserialize)]
struct Jwt {
    claims: Option<Claims>,
}

/// What the API's authorizer has verified. It writes every claim as text.
type Claims = HashMap<String, Value>;

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Their `sub`.
    pub user_id: UserId,
    /// Their `name`, when they have one.
    pub name: Option<String>,
    groups: Vec<String>,
}

impl Request {
    /// The route, as the API has it: `GET /quizzes/{quizId}`. Empty when there is none.
    pub fn route(&self) -> &str {
        self.route_key.as_deref().unwrap_or_default()
    }

    /// Who is calling, by the verified claims. An ID token is asked for: an access token names no one.
    ///
    /// # Errors
    /// 401 when there are no claims, no usable `sub`, or the token is not an ID token.
    pub fn caller(&self) -> Result<Caller, Problem> {
        let authorizer = self.request_context.authorizer.as_ref();
        authorizer
            .and_then(|authorizer| authorizer.jwt.as_ref()?.claims.as_ref())
            .and_then(Caller::of)
            .ok_or_else(Problem::unauthenticated)
    }

    /// A path parameter as it was sent.
    pub fn path_text(&self, name: &str) -> Option<&str> {
        self.path_parameters.as_ref()?.get(name).map(String::as_str)
    }

    /// A path parameter as the type it should have.
    ///
    /// # Errors
    /// 404 when it is missing or not such an id: nothing can be there.
    pub fn path<T: FromStr>(&self, name: &str) -> Result<T, Problem> {
        self.path_text(name)
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| Problem::not_found(format!("There is no such {name}.")))
    }

    /// The body, a JSON object, as the type it should have.
    ///
    /// # Errors
    /// 413 when it is too large, 400 when it is missing, not a JSON object or not of that type.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        object(&self.body_bytes()?)
    }

    /// Checks the body of a request that needs none: it may be left out, and what is in it is ignored.
    ///
    /// # Errors
    /// 413 when it is too large, 400 when there is one that is not a JSON object.
    pub fn no_body(&self) -> Result<(), Problem> {
        let bytes = self.body_bytes()?;
        match bytes.trim_ascii().is_empty() {
            true => Ok(()),
            false => object::<IgnoredAny>(&bytes).map(|_| ()),
        }
    }

    /// The body as it was sent; empty when there was none.
    fn body_bytes(&self) -> Result<Cow<'_, [u8]>, Problem> {
        let text = self.body.as_deref().unwrap_or_default();
        if text.len() > MAX_BODY_BYTES * 4 / 3 + 4 {
            return Err(Problem::too_large());
        }
        let bytes: Cow<'_, [u8]> = match self.is_base64_encoded {
            true => BASE64_STANDARD
                .decode(text)
                .map_err(|_| Problem::malformed("The body is not valid base64."))?
                .into(),
            false => text.as_bytes().into(),
        };
        match bytes.len() > MAX_BODY_BYTES {
            true => Err(Problem::too_large()),
            false => Ok(bytes),
        }
    }
}

impl Caller {
    /// None, unless the claims are those of an ID token with a usable `sub`. One that is no text is
    /// none.
    fn of(claims: &Claims) -> Option<Self> {
        let claim = |name| claims.get(name).and_then(Value::as_str);
        if claim("token_use") != Some("id") {
            return None;
        }
        Some(Self {
            user_id: claim("sub")?.parse().ok()?,
            name: claim("name").map(str::to_owned),
            groups: claim("cognito:groups").map(groups).unwrap_or_default(),
        })
    }

    /// Lets only producers pass.
    ///
    /// # Errors
    /// 403 for anyone else.
    pub fn require_producer(&self) -> Result<(), Problem> {
        match self.groups.iter().any(|group| group == PRODUCERS) {
            true => Ok(()),
            false => Err(Problem::forbidden("Only producers may do this.")),
        }
    }
}

/// API Gateway writes the claim's list as `[a b]`; a JSON array and a bare name are read as well.
fn groups(claim: &str) -> Vec<String> {
    claim
        .trim_matches(['[', ']'])
        .split([' ', ','])
        .map(|group| group.trim_matches('"'))
        .filter(|group| !group.is_empty())
        .map(str::to_owned)
        .collect()
}

fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // What is skipped while it is read would not be checked.
    let text =
        std::str::from_utf8(bytes).map_err(|_| Problem::malformed("The body is not UTF-8."))?;
    // An array would be read as the fields of an object in their order.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(Problem::malformed("The body is not a JSON object."));
    }
    serde_json::from_str(text).map_err(|error| Problem::malformed(format!("The body: {error}.")))
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
    use serde_json::json;

    use super::*;

    fn request(body: &str) -> Request {
        Request {
            body: Some(body.to_owned()),
            ..Request::default()
        }
    }

    fn encoded(body: &str) -> Request {
        Request {
            is_base64_encoded: true,
            ..request(body)
        }
    }

    /// As in the developer guide's example of an event.
    fn event(claims: Value) -> Value {
        json!({
            "version": "2.0",
            "routeKey": "POST /a/{aId}",
            "rawPath": "/a/7",
            "rawQueryString": "b=1&b=2",
            "cookies": ["c=1"],
            "headers": { "authorization": "Bearer secret", "content-type": "application/json" },
            "queryStringParameters": { "b": "1,2" },
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "api-id",
                "authentication": null,
                "authorizer": { "jwt": { "claims": claims, "scopes": ["s"] } },
                "domainName": "id.execute-api.us-east-1.amazonaws.com",
                "domainPrefix": "id",
                "http": {
                    "method": "POST",
                    "path": "/a/7",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "192.0.2.1",
                    "userAgent": "agent",
                },
                "requestId": "id",
                "routeKey": "POST /a/{aId}",
                "stage": "$default",
                "time": "12/Mar/2020:19:03:58 +0000",
                "timeEpoch": 1_583_348_638_390_u64,
            },
            "pathParameters": { "aId": "7" },
            "isBase64Encoded": false,
            "stageVariables": { "d": "e" },
            "body": "{\"a\":1}",
        })
    }

    #[test]
    fn an_event_is_read_as_its_published_type_says() {
        let claims = json!({
            "sub": "ada", "token_use": "id", "name": "Ada", "cognito:groups": "[producers]",
            "exp": "1795351600", "aud": "client",
        });
        let event = event(claims);
        let published: ApiGatewayV2httpRequest = serde_json::from_value(event.clone()).unwrap();
        let request: Request = serde_json::from_value(event).unwrap();
        assert_eq!(Some(request.route()), published.route_key.as_deref());
        assert_eq!(request.path_text("aId"), Some("7"));
        assert_eq!(request.path::<u32>("aId"), Ok(7));
        assert_eq!(request.path::<u32>("b").unwrap_err().status(), 404);
        assert_eq!(request.body, published.body);
        assert_eq!(request.body::<Value>().unwrap(), json!({ "a": 1 }));
        let caller = request.caller().unwrap();
        let read = published.request_context.authorizer.unwrap().jwt.unwrap();
        assert_eq!(caller.user_id.to_string(), read.claims["sub"]);
        assert_eq!(caller.name.as_ref(), read.claims.get("name"));
        assert_eq!(caller.require_producer(), Ok(()));
    }

    #[test]
    fn only_an_id_token_with_a_sub_names_a_caller() {
        let status = |claims| {
            let request: Request = serde_json::from_value(event(claims)).unwrap();
            request.caller().err().map(|problem| problem.status())
        };
        assert_eq!(status(json!({ "sub": "ada", "token_use": "id" })), None);
        for claims in [
            json!({ "sub": "ada", "token_use": "access" }),
            json!({ "sub": "ada" }),
            json!({ "token_use": "id" }),
            json!({ "sub": "", "token_use": "id" }),
            json!({}),
            Value::Null,
        ] {
            assert_eq!(status(claims.clone()), Some(401), "{claims}");
        }
    }

    #[test]
    fn a_claim_of_another_kind_is_none() {
        let odd = json!({
            "sub": "ada", "token_use": "id", "name": 7, "cognito:groups": ["producers"],
            "email_verified": true, "custom": null,
        });
        let request: Request = serde_json::from_value(event(odd)).unwrap();
        let caller = request.caller().unwrap();
        assert_eq!(caller.name, None);
        assert_eq!(caller.require_producer().unwrap_err().status(), 403);
        for claims in [
            json!({ "sub": 7, "token_use": "id" }),
            json!({ "sub": "ada", "token_use": ["id"] }),
        ] {
            let request: Request = serde_json::from_value(event(claims)).unwrap();
            assert_eq!(request.caller().unwrap_err().status(), 401);
        }
        // In their order, as the fields of a struct could be written.
        let list = json!(["ada", "id", null, "[producers]"]);
        assert!(serde_json::from_value::<Request>(event(list)).is_err());
    }

    #[test]
    fn a_body_is_base64_where_the_event_says_so() {
        let mut event = event(json!({}));
        event["isBase64Encoded"] = json!(true);
        event["body"] = json!("eyJhIjoxfQ==");
        let request: Request = serde_json::from_value(event).unwrap();
        assert_eq!(request.body::<Value>().unwrap(), json!({ "a": 1 }));
    }

    #[test]
    fn what_is_left_out_or_null_is_not_there() {
        for text in [
            "{}",
            r#"{"routeKey":null,"pathParameters":null,"requestContext":{"authorizer":null},"body":null}"#,
            r#"{"requestContext":{"authorizer":{"jwt":null}}}"#,
        ] {
            let request: Request = serde_json::from_str(text).unwrap();
            assert_eq!(request.route(), "");
            assert_eq!(request.path_text("aId"), None);
            assert_eq!(request.caller().unwrap_err().status(), 401);
            assert_eq!(request.no_body(), Ok(()));
        }
    }

    #[test]
    fn groups_are_read_in_every_form_they_come_in() {
        for claim in [
            "[producers]",
            "[viewers producers]",
            r#"["producers"]"#,
            "producers",
        ] {
            assert!(groups(claim).contains(&"producers".to_owned()), "{claim}");
        }
        assert!(groups("[]").is_empty());
        assert!(!groups("[not-producers]").contains(&"producers".to_owned()));
    }

    #[test]
    fn a_body_is_bounded_and_typed() {
        assert_eq!(
            request(r#"{"a":1}"#).body::<Value>().unwrap(),
            json!({"a": 1})
        );
        assert_eq!(request("{").body::<Value>().unwrap_err().status(), 400);
        assert_eq!(request("{}").body::<Vec<u8>>().unwrap_err().status(), 400);
        assert_eq!(request("[1]").body::<Vec<u8>>().unwrap_err().status(), 400);
        let large = format!("\"{}\"", "x".repeat(MAX_BODY_BYTES));
        assert_eq!(request(&large).body::<String>().unwrap_err().status(), 413);
        let sent = encoded("eyJhIjoxfQ==");
        assert_eq!(sent.body::<Value>().unwrap(), json!({"a": 1}));
    }

    #[test]
    fn a_body_that_is_not_needed_is_still_bounded_and_json() {
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_BODY_BYTES));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(500), "]".repeat(500));
        for (text, status) in [
            ("", None),
            (" \r\n", None),
            ("{}", None),
            (r#"{"userId":"another","a":[1,{"b":null}]}"#, None),
            ("{", Some(400)),
            ("{}{}", Some(400)),
            ("[]", Some(400)),
            ("null", Some(400)),
            ("userId=another", Some(400)),
            (deep.as_str(), None),
            (large.as_str(), Some(413)),
        ] {
            let refused = request(text).no_body().err();
            assert_eq!(
                refused.map(|problem| problem.status()),
                status,
                "{text:.60}"
            );
        }
        for not_utf8 in ["gA==", "eyJhIjoi/yJ9"] {
            assert_eq!(encoded(not_utf8).no_body().unwrap_err().status(), 400);
        }
    }
}
