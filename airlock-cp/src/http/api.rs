//! Routes with their description: what is mounted is what the OpenAPI document lists, because one call does both.

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::Method;
use serde_json::Value;

/// One route as the OpenAPI document has it.
#[derive(Clone, Debug)]
pub struct Operation {
    /// `GET`, `POST`, …
    pub method: Method,
    /// The path, with `{parts}`.
    pub path: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// Names of parameters in the query.
    pub query: &'static [&'static str],
    /// The JSON Schema of the body, if it takes one.
    pub body: Option<Value>,
    /// Whether the operator token is asked for.
    pub operator: bool,
    /// Whether a person may ask as well: with their browser's session, or a token of theirs.
    pub people: bool,
}

/// Routes of a room, with their description.
#[derive(Debug)]
pub struct Api<S = ()> {
    router: Router<S>,
    operations: Vec<Operation>,
}

impl<S: Clone + Send + Sync + 'static> Api<S> {
    /// No routes.
    pub fn new() -> Self {
        Self { router: Router::new(), operations: Vec::new() }
    }

    /// Mounts a route for the operator.
    #[must_use]
    pub fn route<H: Handler<T, S>, T: 'static>(
        self,
        method: Method,
        path: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self {
        let filter = MethodFilter::try_from(method.clone()).expect("a method that HTTP knows");
        let handler: MethodRouter<S> = on(filter, handler);
        let operation =
            Operation { method, path, summary, query: &[], body: None, operator: true, people: false };
        let mut operations = self.operations;
        operations.push(operation);
        Self { router: self.router.route(path, handler), operations }
    }

    /// Says which parameters the last route takes in its query.
    #[must_use]
    pub fn query(mut self, names: &'static [&'static str]) -> Self {
        if let Some(last) = self.operations.last_mut() {
            last.query = names;
        }
        self
    }

    /// Says which body the last route takes.
    #[must_use]
    pub fn body(mut self, schema: Value) -> Self {
        if let Some(last) = self.operations.last_mut() {
            last.body = Some(schema);
        }
        self
    }

    /// Says that all routes so far are open: they protect themselves.
    #[must_use]
    pub fn open(mut self) -> Self {
        for operation in &mut self.operations {
            operation.operator = false;
        }
        self
    }

    /// Says that all routes so far are for people; for the operator as well, unless they are a person's own.
    #[must_use]
    pub fn for_people(mut self) -> Self {
        for operation in &mut self.operations {
            (operation.operator, operation.people) = (false, true);
        }
        self
    }

    /// Gives the handlers what they need.
    pub fn with_state(self, state: S) -> Api {
        Api { router: self.router.with_state(state), operations: self.operations }
    }
}

impl<S: Clone + Send + Sync + 'static> Default for Api<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl Api {
    /// Both.
    #[must_use]
    pub fn merge(mut self, other: Api) -> Self {
        self.operations.extend(other.operations);
        Self { router: self.router.merge(other.router), operations: self.operations }
    }
    /// Puts layers around all routes so far.
    #[must_use]
    pub fn guard(self, layers: impl FnOnce(Router) -> Router) -> Self {
        Self { router: layers(self.router), operations: self.operations }
    }
    /// What is mounted.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }
    /// The routes alone.
    pub fn into_router(self) -> Router {
        self.router
    }
}
