//! A route's properties, known before a request comes.

use axum::extract::Request;
use axum::response::Response;
use futures_util::future::BoxFuture;
use utoipa_axum::router::UtoipaMethodRouter;

use super::call::Call;
use super::code::Code;

/// A row of the table of [routes](super::routes): everything that the router, the document and the
/// layers around the handler need to know of it.
pub struct Route {
    /// Its method.
    pub method: Method,
    /// The template of its path.
    pub path: &'static str,
    /// The callers it is open to, where there is authentication.
    pub access: Access,
    /// Its cost, where calls are limited.
    pub cost: Cost,
    /// The body it takes.
    pub body: Body,
    /// Whether a retry can be made safe by a key.
    pub is_keyed: bool,
    /// The caches that may keep its answers.
    pub caching: Caching,
    /// Whether the time limit applies; a stream has none.
    pub is_limited: bool,
    /// Whether it needs the database.
    pub is_stored: bool,
    /// The errors specific to this route.
    pub refusals: &'static [Code],
    /// Its handler, and its description.
    pub(super) handler: Handler,
}

/// A route's handler, and its description.
#[derive(Clone, Copy)]
pub(super) struct Handler {
    /// Makes the description.
    pub(super) described: fn() -> UtoipaMethodRouter<Call>,
    /// Answers a request.
    pub(super) answer: fn(Request, Call) -> BoxFuture<'static, Response>,
}

/// The handler of a route, from the path of a function that has a description.
macro_rules! handler {
    ($($function:tt)+) => {
        $crate::http::route::Handler {
            described: || utoipa_axum::routes!($($function)+),
            answer: |request, call| $crate::http::route::answer($($function)+, request, call),
        }
    };
}
pub(super) use handler;

/// Calls a handler.
pub(super) fn answer<H, T>(handler: H, request: Request, call: Call) -> BoxFuture<'static, Response>
where
    H: axum::handler::Handler<T, Call, Future = BoxFuture<'static, Response>>,
{
    handler.call(request, call)
}

/// The method of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`, and `HEAD` with it.
    Get,
    /// `POST`.
    Post,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
}

/// The callers that a route is open to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone, always.
    Public,
    /// Anyone who may buy.
    Customer,
    /// The owner of the thing.
    Owner,
    /// Those who manage the sessions.
    Programme,
    /// Those who monitor the program.
    Metrics,
}

/// The cost of a call, relative to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Next to nothing.
    Free,
    /// A read of one thing.
    Read,
    /// A list, which may be long.
    List,
    /// A transaction.
    Write,
}

/// The body that a call takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Nothing, and none is read.
    None,
    /// Nothing: no body, or an object without fields.
    Empty,
    /// A JSON object.
    Json,
}

/// The caches that may keep an answer, and whether it has a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caching {
    /// Any cache, if it revalidates each time: with an `ETag`, and 304 to a client that has the
    /// answer.
    Public,
    /// None, for it is personal. It has a tag, for a program that keeps it in memory.
    Personal,
    /// None, and it has no tag: it changes by itself, or answers a write.
    None,
}

impl Caching {
    /// Whether answers are tagged.
    pub const fn is_tagged(self) -> bool {
        !matches!(self, Self::None)
    }

    /// The value of `Cache-Control`. Without one a cache may guess (RFC 9111, 4.2.2).
    pub const fn control(self) -> &'static str {
        match self {
            Self::Public => "no-cache",
            Self::Personal => "private, no-store",
            Self::None => "no-store",
        }
    }
}

impl Method {
    /// The method of a request that it answers. `HEAD` is asked for as `GET`.
    pub(super) const fn of_request(self) -> http::Method {
        match self {
            Self::Get => http::Method::GET,
            Self::Post => http::Method::POST,
            Self::Patch => http::Method::PATCH,
            Self::Delete => http::Method::DELETE,
        }
    }

    /// The methods that it allows, as the `Allow` header lists them.
    pub(super) const fn allowed(self) -> &'static str {
        match self {
            Self::Get => "GET,HEAD",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Its name, in lower case as the document has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

impl Route {
    const fn new(
        method: Method,
        path: &'static str,
        handler: Handler,
        cost: Cost,
        caching: Caching,
    ) -> Self {
        Self {
            method,
            path,
            access: Access::Public,
            cost,
            body: Body::None,
            is_keyed: false,
            caching,
            is_limited: true,
            is_stored: true,
            refusals: &[],
            handler,
        }
    }

    /// A read of one thing.
    pub(super) const fn get(path: &'static str, handler: Handler) -> Self {
        Self::new(Method::Get, path, handler, Cost::Read, Caching::Public)
    }

    /// A read of many things.
    pub(super) const fn list(path: &'static str, handler: Handler) -> Self {
        Self::new(Method::Get, path, handler, Cost::List, Caching::Public)
    }

    /// A write that makes something.
    pub(super) const fn post(path: &'static str, handler: Handler) -> Self {
        let route = Self::new(Method::Post, path, handler, Cost::Write, Caching::None);
        Self { is_keyed: true, body: Body::Empty, ..route }
    }

    /// A write that changes something.
    pub(super) const fn patch(path: &'static str, handler: Handler) -> Self {
        Self::new(Method::Patch, path, handler, Cost::Write, Caching::None)
    }

    /// A write that ends something.
    pub(super) const fn delete(path: &'static str, handler: Handler) -> Self {
        let route = Self::new(Method::Delete, path, handler, Cost::Write, Caching::None);
        Self { body: Body::Empty, ..route }
    }

    /// The callers it is open to. An owner's answers are not for caches.
    pub(super) const fn asked_by(self, access: Access) -> Self {
        let caching = match (access, self.caching) {
            (Access::Owner, Caching::Public) => Caching::Personal,
            (_, caching) => caching,
        };
        Self { access, caching, ..self }
    }

    /// It takes a JSON object.
    pub(super) const fn takes_json(self) -> Self {
        Self { body: Body::Json, ..self }
    }

    /// It can be refused for these reasons.
    pub(super) const fn refuses(self, refusals: &'static [Code]) -> Self {
        Self { refusals, ..self }
    }

    /// It is about the program itself, and does without the database.
    pub(super) const fn of_program(self) -> Self {
        Self { is_stored: false, cost: Cost::Free, ..self }
    }

    /// Its answers are not tagged.
    pub(super) const fn untagged(self) -> Self {
        Self { caching: Caching::None, ..self }
    }

    /// Every code that it can answer with: its own, those of what it takes and needs, and those
    /// that any request can meet.
    pub fn codes(&self) -> Vec<Code> {
        let may = |code: &&Code| match code {
            Code::ValidationFailed | Code::HeadersTooLarge | Code::Overloaded | Code::Internal => {
                true
            }
            Code::InvalidJson
            | Code::UnsupportedMediaType
            | Code::UnsupportedEncoding
            | Code::BodyTooLarge
            | Code::RequestTimeout => self.body != Body::None,
            Code::IdempotencyMismatch => self.is_keyed,
            Code::StoreUnavailable => self.is_stored,
            Code::OutcomeUnknown | Code::StoreFull => self.cost == Cost::Write,
            other => self.refusals.contains(other),
        };
        Code::ALL.iter().filter(may).copied().collect()
    }
}
