//! What is known of a call.

use axum::http::{HeaderMap, header::AUTHORIZATION, request};

/// The header that names the operation in the JSON protocols.
pub(crate) const TARGET: &str = "x-amz-target";

/// A call to AWS.
#[derive(Debug)]
pub struct Call<'a> {
    /// The function that makes it, by its full name; none when it is made by something else, or
    /// nobody asked.
    pub function: Option<&'a str>,
    /// The service as the signature names it; empty when there is none.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// What is sent.
    pub body: &'a [u8],
}

impl<'a> Call<'a> {
    /// Reads a request.
    pub fn read(function: Option<&'a str>, head: &request::Parts, body: &'a [u8]) -> Self {
        Self {
            function,
            service: service(&head.headers).unwrap_or_default().to_owned(),
            operation: operation(head).to_owned(),
            body,
        }
    }

    /// Whether this text is somewhere in the body.
    pub fn contains(&self, text: &str) -> bool {
        let text = text.as_bytes();
        text.is_empty() || self.body.windows(text.len()).any(|there| there == text)
    }
}

/// The service in the credential scope of a signature (Signature Version 4):
/// `Credential=<key>/<date>/<region>/<service>/aws4_request`.
fn service(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = authorization.split_once("Credential=")?;
    let scope = credential.split([',', ' ']).next()?;
    scope.rsplit('/').nth(1)
}

/// In the JSON protocols a header has it behind a dot; else it is the path, which is so for IVS.
fn operation(head: &request::Parts) -> &str {
    let target = head.headers.get(TARGET).and_then(|name| name.to_str().ok());
    match target {
        Some(target) => target.rsplit('.').next().unwrap_or(target),
        None => head.uri.path().trim_start_matches('/'),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=KEY/20261122/eu-west-1/SERVICE/aws4_request, \
                          SignedHeaders=host, Signature=00";

    fn head(path: &str, service: &str, target: Option<&str>) -> request::Parts {
        let authorization = SIGNED.replace("SERVICE", service);
        let mut request = Request::post(path).header("authorization", authorization);
        if let Some(target) = target {
            request = request.header(TARGET, target);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn service_and_operation_are_read_in_both_protocols() {
        let dynamodb = head("/", "dynamodb", Some("DynamoDB_20120810.PutItem"));
        let call = Call::read(Some("f"), &dynamodb, b"{}");
        assert_eq!((&*call.service, &*call.operation), ("dynamodb", "PutItem"));
        let ivs = head("/PutMetadata", "ivs", None);
        let call = Call::read(None, &ivs, b"{}");
        assert_eq!((&*call.service, &*call.operation), ("ivs", "PutMetadata"));
    }

    #[test]
    fn an_unsigned_call_has_no_service() {
        let (head, ()) = Request::post("/x").body(()).unwrap().into_parts();
        let call = Call::read(None, &head, b"abc");
        assert_eq!((&*call.service, &*call.operation), ("", "x"));
        assert!(call.contains("bc") && call.contains("") && !call.contains("abcd"));
    }
}
