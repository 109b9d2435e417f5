//! A request of the SDK as a form that is filled in again and again.
//!
//! Requests are signed as AWS describes it ("Create a signed AWS API request", IAM user guide);
//! key and signature are calculated by `aws-sigv4`, as the SDK does.

use std::{env, fmt, fmt::Write, time::SystemTime};

use aws_lc_rs::digest;
use aws_sdk_dynamodb::config::{
    ConfigBag, Credentials, HttpClient, ResolveCachedIdentity, RuntimeComponents,
    http::HttpRequest, timeout::TimeoutConfig,
};
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use aws_smithy_runtime_api::client::{
    auth::AuthSchemeId,
    http::{HttpConnectorSettings, SharedHttpConnector},
    identity::{Identity, SharedIdentityResolver},
    runtime_components::GetIdentityResolver,
};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use uuid::Uuid;

/// How the date of a request is written.
const DATE: &str = "%Y%m%dT%H%M%SZ";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const AUTHORIZATION: &str = "authorization";
const X_AMZ_DATE: &str = "x-amz-date";
const CONTENT_LENGTH: &str = "content-length";
const INVOCATION_ID: &str = "amz-sdk-invocation-id";
/// Lambda's id of what the invocation belongs to, and the variable in which its runtime tells it. The
/// SDK sends it along, so that AWS can follow a request and notice one that calls itself.
const TRACE_ID: &str = "x-amzn-trace-id";
const TRACE_ID_VARIABLE: &str = "_X_AMZN_TRACE_ID";
const FILLED_IN: [&str; 5] = [
    AUTHORIZATION,
    X_AMZ_DATE,
    CONTENT_LENGTH,
    INVOCATION_ID,
    TRACE_ID,
];

/// What stays the same in every request, and where the rest comes from.
pub(super) struct Form {
    /// What sends it.
    pub(super) connector: SharedHttpConnector,
    components: RuntimeComponents,
    credentials: SharedIdentityResolver,
    /// The request without what is filled in.
    blank: HttpRequest,
    access_key_id: String,
    region: String,
    service: String,
    /// The names of the headers that are signed, as the signature lists them.
    signed: String,
    /// Whether the SDK sends the trace's id along.
    traced: bool,
    lines: Vec<Line>,
    sample: Sample,
}

/// A part of what is signed.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Fixed(String),
    Length,
    Date,
}

/// What the SDK made of the request that the form was taken from.
struct Sample {
    body: Vec<u8>,
    date: String,
    signature: String,
}

/// Names no key, token or address.
impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form")
            .field("region", &self.region)
            .field("service", &self.service)
            .field("signed", &self.signed)
            .finish_non_exhaustive()
    }
}

impl Form {
    /// The form of a request that was signed and is about to be sent. `None`: it is not a request
    /// of the kind known here.
    pub(super) fn of(
        request: &HttpRequest,
        components: &RuntimeComponents,
        settings: &ConfigBag,
    ) -> Option<Self> {
        let headers = request.headers();
        let authorization = Authorization::read(headers.get(AUTHORIZATION)?)?;
        let traced = headers.get(TRACE_ID).is_some();
        let lines = lines(request, authorization.signed)?;
        let sample = Sample {
            body: request.body().bytes()?.to_owned(),
            date: headers.get(X_AMZ_DATE)?.to_owned(),
            signature: authorization.signature.to_owned(),
        };
        let mut blank = request.try_clone()?;
        *blank.body_mut() = Vec::new().into();
        for name in FILLED_IN {
            blank.headers_mut().remove(name);
        }
        Some(Self {
            connector: connector(components, settings)?,
            credentials: components.identity_resolver(AuthSchemeId::new("sigv4"))?,
            components: components.clone(),
            blank,
            access_key_id: authorization.access_key_id.to_owned(),
            region: authorization.region.to_owned(),
            service: authorization.service.to_owned(),
            signed: authorization.signed.to_owned(),
            traced,
            lines,
            sample,
        })
    }

    /// Who signs now, from the SDK's own cache of credentials.
    pub(super) async fn identity(&self) -> Option<Identity> {
        let cache = self.components.identity_cache();
        let resolver = self.credentials.clone();
        let settings = ConfigBag::base();
        cache
            .resolve_cached_identity(resolver, &self.components, &settings)
            .await
            .ok()
    }

    /// Whether the form was taken with these credentials.
    pub(super) fn is_of(&self, identity: &Identity) -> bool {
        let token = self.blank.headers().get("x-amz-security-token");
        identity.data::<Credentials>().is_some_and(|credentials| {
            credentials.access_key_id() == self.access_key_id
                && credentials.session_token() == token
        })
    }

    /// Whether the request that the form was taken from gets the signature here that the SDK gave it.
    pub(super) fn signs_alike(&self, identity: &Identity) -> bool {
        let Sample {
            body,
            date,
            signature,
        } = &self.sample;
        let at = DateTime::strptime(DATE, date).and_then(|at| at.to_zoned(TimeZone::UTC));
        at.is_ok_and(|at| {
            self.signature(body, date, at.timestamp().into(), identity)
                .is_some_and(|ours| ours == *signature)
        })
    }

    /// The request with this body. `None`: it cannot be signed.
    pub(super) fn request(&self, body: String, identity: &Identity) -> Option<HttpRequest> {
        let now = self.components.time_source().unwrap_or_default().now();
        let date = Timestamp::try_from(now).ok()?.strftime(DATE).to_string();
        let signature = self.signature(body.as_bytes(), &date, now, identity)?;
        let authorization = format!(
            "{ALGORITHM} Credential={}/{}, SignedHeaders={}, Signature={signature}",
            self.access_key_id,
            self.scope(&date),
            self.signed
        );
        let mut request = self.blank.try_clone()?;
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, authorization);
        headers.insert(X_AMZ_DATE, date);
        headers.insert(CONTENT_LENGTH, body.len().to_string());
        headers.insert(INVOCATION_ID, Uuid::new_v4().to_string());
        if self.traced
            && let Ok(id) = env::var(TRACE_ID_VARIABLE)
        {
            headers.try_insert(TRACE_ID, id).ok()?;
        }
        *request.body_mut() = body.into();
        Some(request)
    }

    fn signature(
        &self,
        body: &[u8],
        date: &str,
        at: SystemTime,
        identity: &Identity,
    ) -> Option<String> {
        let mut canonical = String::with_capacity(1_024);
        for line in &self.lines {
            match line {
                Line::Fixed(text) => canonical.push_str(text),
                Line::Date => canonical.push_str(date),
                Line::Length => write!(canonical, "{}", body.len()).ok()?,
            }
        }
        canonical.push_str(&sha256(body));
        let to_sign = format!(
            "{ALGORITHM}\n{date}\n{}\n{}",
            self.scope(date),
            sha256(canonical.as_bytes())
        );
        let secret = identity.data::<Credentials>()?.secret_access_key();
        let key = generate_signing_key(secret, at, &self.region, &self.service);
        Some(calculate_signature(key, to_sign.as_bytes()))
    }

    /// What a key is good for: a day, a region, a service.
    fn scope(&self, date: &str) -> String {
        let day = date.get(..8).unwrap_or_default();
        format!("{day}/{}/{}/aws4_request", self.region, self.service)
    }
}

/// What sends the requests of these components: connections are shared with the SDK's.
fn connector(components: &RuntimeComponents, settings: &ConfigBag) -> Option<SharedHttpConnector> {
    let timeouts = settings.load::<TimeoutConfig>()?;
    let mut connection = HttpConnectorSettings::builder();
    connection.set_connect_timeout(timeouts.connect_timeout());
    connection.set_read_timeout(timeouts.read_timeout());
    let client = components.http_client()?;
    Some(client.http_connector(&connection.build(), components))
}

/// The header of this name, taken apart.
struct Authorization<'a> {
    access_key_id: &'a str,
    region: &'a str,
    service: &'a str,
    signed: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix(ALGORITHM)?;
        let text = text.strip_prefix(" Credential=")?;
        let (credential, text) = text.split_once(", SignedHeaders=")?;
        let (signed, signature) = text.split_once(", Signature=")?;
        let mut scope = credential.rsplitn(5, '/');
        scope.next().filter(|&end| end == "aws4_request")?;
        let (service, region) = (scope.next()?, scope.next()?);
        let (_day, access_key_id) = (scope.next()?, scope.next()?);
        Some(Self {
            access_key_id,
            region,
            service,
            signed,
            signature,
        })
    }
}

/// The canonical request up to the hash of its body.
fn lines(request: &HttpRequest, signed: &str) -> Option<Vec<Line>> {
    let (host, path) = address(request.uri())?;
    let start = format!("{}\n{path}\n\n", request.method());
    let mut lines = vec![Line::Fixed(start)];
    for name in signed.split(';') {
        lines.push(Line::Fixed(format!("{name}:")));
        lines.push(match name {
            X_AMZ_DATE => Line::Date,
            CONTENT_LENGTH => Line::Length,
            "host" => Line::Fixed(host.to_owned()),
            // It is another one each time.
            TRACE_ID | INVOCATION_ID => return None,
            _ => Line::Fixed(request.headers().get(name)?.trim().to_owned()),
        });
        lines.push(Line::Fixed("\n".to_owned()));
    }
    lines.push(Line::Fixed(format!("\n{signed}\n")));
    Some(joined(lines))
}

/// Host and path of an address without a query.
fn address(uri: &str) -> Option<(&str, &str)> {
    let (_, rest) = uri.split_once("://")?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path };
    (!path.contains('?')).then_some((host, path))
}

fn joined(lines: Vec<Line>) -> Vec<Line> {
    let mut joined: Vec<Line> = Vec::new();
    for line in lines {
        match (joined.last_mut(), line) {
            (Some(Line::Fixed(before)), Line::Fixed(text)) => before.push_str(&text),
            (_, line) => joined.push(line),
        }
    }
    joined
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}
