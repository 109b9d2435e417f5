//! What the HTTP API hands to a function: payload format 2.0, after its authorizer let it pass.

use serde_json::{Value, json};

/// A request of a route by its path parameters, the claims of who is calling, and its JSON body.
pub fn http_event(route: &str, path: Value, claims: Value, body: &Value) -> Value {
    let method = route.split(' ').next();
    json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": "/",
        "rawQueryString": "",
        "headers": { "content-type": "application/json" },
        "pathParameters": path,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "api",
            "requestId": "request",
            "routeKey": route,
            "stage": "$default",
            "timeEpoch": 0,
            "http": {
                "method": method,
                "path": "/",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "test",
            },
            "authorizer": { "jwt": { "claims": claims } },
        },
        "body": body.to_string(),
        "isBase64Encoded": false,
    })
}
