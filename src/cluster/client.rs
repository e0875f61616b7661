//! One cluster: reading, asking what would happen, changing.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use futures::stream::{self, StreamExt, TryStreamExt};
use http::Request as HttpRequest;
use kube::Client;
use kube::api::{DeleteParams, GetParams, ListParams, LogParams, PatchParams, PostParams};
use kube::client::ClientBuilder;
use kube::core::Request;
use serde_json::Value;

use super::MANAGER;
use super::access::{Access, Target};
use super::error::ClusterError;
use super::kinds::{Kinds, Resource};
use super::value::Read;
use super::warnings::Warnings;
use crate::manifest::object::{Gvk, Object};
use crate::manifest::{Span, json};

/// How many requests are under way at once. An API server gives one user about 20 seats.
const CONCURRENCY: usize = 16;

/// How many objects one page of a list has, as kubectl asks for them.
const PAGE: u32 = 500;

/// A connection to one cluster.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    /// Where it leads.
    pub target: Target,
    kinds: Arc<RwLock<Arc<Kinds>>>,
    warnings: Warnings,
}

/// A change of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch<'a> {
    /// The field manager that will own it.
    pub manager: &'a str,
    /// Whether to take fields from other managers.
    pub force: bool,
    /// Whether nothing is to be stored.
    pub dry_run: bool,
}

impl Patch<'static> {
    /// A change under our own manager.
    pub const OURS: Self = Self {
        manager: MANAGER,
        force: false,
        dry_run: false,
    };

    /// The question what [`Patch::OURS`] would do.
    pub const DRY_RUN: Self = Self {
        manager: MANAGER,
        force: false,
        dry_run: true,
    };
}

impl Patch<'_> {
    /// The same, taking fields from other managers when `force` says so.
    pub fn force(self, force: bool) -> Self {
        Self { force, ..self }
    }

    fn params(self) -> PatchParams {
        PatchParams {
            dry_run: self.dry_run,
            field_manager: Some(self.manager.to_owned()),
            ..PatchParams::default()
        }
    }
}

/// A set of objects of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listing {
    /// The kind.
    pub resource: Resource,
    /// The namespace; `None` for all.
    pub namespace: Option<String>,
    /// When only these are wanted, and they are few.
    pub names: Vec<String>,
}

impl Cluster {
    /// Reaches the cluster and asks which kinds it has.
    ///
    /// # Errors
    /// As [`Access::resolve`]; or the server does not answer, or not to these credentials.
    pub async fn connect(access: &Access) -> Result<Self, ClusterError> {
        let (config, target) = access.resolve().await?;
        let unreachable = |error| ClusterError::from_kube(error, "the cluster", &target.server);
        let warnings = Warnings::default();
        let client = ClientBuilder::try_from(config)
            .map_err(unreachable)?
            .with_layer(&warnings)
            .build();
        let kinds = Kinds::discover(&client).await.map_err(unreachable)?;
        Ok(Self {
            client,
            target,
            kinds: Arc::new(RwLock::new(Arc::new(kinds))),
            warnings,
        })
    }

    /// Asks again which kinds there are; needed after a CustomResourceDefinition was applied.
    pub async fn rediscover(&self) -> Result<(), ClusterError> {
        let kinds = Kinds::discover(&self.client)
            .await
            .map_err(|error| self.error(error, "the kinds of the cluster"))?;
        *self
            .kinds
            .write()
            .expect("no thread panics while it holds the kinds") = Arc::new(kinds);
        Ok(())
    }

    /// The kinds that the server serves.
    pub fn kinds(&self) -> Arc<Kinds> {
        self.kinds
            .read()
            .expect("no thread panics while it holds the kinds")
            .clone()
    }

    /// The client, for watches.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Takes out the warnings that the server has sent so far.
    pub fn take_warnings(&self) -> Vec<String> {
        self.warnings.take()
    }

    /// Returns how the kind of an object is served.
    ///
    /// # Errors
    /// The server does not serve it.
    pub fn resource_of(&self, object: &Object) -> Result<Resource, ClusterError> {
        self.resource(&object.gvk())
            .ok_or_else(|| ClusterError::UnknownKind {
                object: object.describe(),
                api_version: object.api_version().to_owned(),
                kind: object.kind().to_owned(),
            })
    }

    /// Returns how a kind is served.
    pub fn resource(&self, gvk: &Gvk) -> Option<Resource> {
        self.kinds().get(gvk).cloned()
    }

    /// Reads one object; `None` when there is none.
    pub async fn get(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, ClusterError> {
        let request = request(resource, namespace).get(name, &GetParams::default());
        let label = label(resource, namespace, name);
        match self.send(request, &label).await {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the objects of a kind, in one namespace or in all. Release records are left out of
    /// Secrets: there may be many, and they are large.
    pub async fn list(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
    ) -> Result<Vec<Value>, ClusterError> {
        let params = if resource.api.group.is_empty() && resource.api.kind == "Secret" {
            ListParams::default().fields("type!=helm.sh/release.v1")
        } else {
            ListParams::default()
        };
        self.list_where(resource, namespace, params).await
    }

    /// Reads the objects of a kind that selectors choose.
    pub async fn list_where(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        params: ListParams,
    ) -> Result<Vec<Value>, ClusterError> {
        let request = Request::new(resource.path(namespace));
        let label = match namespace {
            Some(namespace) => format!("{} in {namespace}", resource.api.plural),
            None => resource.api.plural.clone(),
        };
        let mut items = Vec::new();
        let mut params = params.limit(PAGE);
        loop {
            let mut page = self.send(request.list(&params), &label).await?;
            let next = page.text(&["metadata", "continue"]).to_owned();
            if let Some(Value::Array(found)) = page.get_mut("items").map(Value::take) {
                items.extend(found.into_iter().map(|item| typed(resource, item)));
            }
            if next.is_empty() {
                return Ok(items);
            }
            params = params.continue_token(&next);
        }
    }

    /// Reads many sets at once. A set of few names is read object by object.
    pub async fn list_all(
        &self,
        listings: Vec<Listing>,
    ) -> Result<HashMap<Listing, Vec<Value>>, ClusterError> {
        stream::iter(listings)
            .map(|listing| async move {
                let namespace = listing.namespace.as_deref();
                let found = match listing.names.as_slice() {
                    [] => self.list(&listing.resource, namespace).await?,
                    names => {
                        let mut found = Vec::new();
                        for name in names {
                            let place = namespace.unwrap_or_default();
                            found.extend(self.get(&listing.resource, place, name).await?);
                        }
                        found
                    }
                };
                Ok((listing, found))
            })
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await
    }

    /// Asks for the version of the server, for example `v1.37.0`.
    pub async fn version(&self) -> Result<String, ClusterError> {
        let request = HttpRequest::get("/version")
            .body(Vec::new())
            .map_err(kube::core::request::Error::BuildRequest);
        let found = self.send(request, "the version of the server").await?;
        Ok(found.text(&["gitVersion"]).to_owned())
    }

    /// Reads the custom resource definitions of the cluster.
    pub async fn definitions(&self) -> Result<Vec<Object>, ClusterError> {
        let kind = Gvk::new("apiextensions.k8s.io/v1", "CustomResourceDefinition");
        let Some(resource) = self.resource(&kind) else {
            return Ok(Vec::new());
        };
        let found = self.list(&resource, None).await?;
        let nodes = found.iter().map(|found| json::from_json(found, Span::NONE));
        Ok(nodes.filter_map(Object::from_node).collect())
    }

    /// Applies an object by server-side apply; unknown fields are refused.
    pub async fn apply(
        &self,
        resource: &Resource,
        object: &Value,
        patch: Patch<'_>,
    ) -> Result<Value, ClusterError> {
        let params = PatchParams {
            force: patch.force,
            ..patch.params().validation_strict()
        };
        let body = kube::api::Patch::Apply(object);
        self.patch(resource, object, &params, &body).await
    }

    /// Changes an object by a JSON merge patch.
    pub async fn merge(
        &self,
        resource: &Resource,
        object: &Value,
        change: &Value,
        patch: Patch<'_>,
    ) -> Result<Value, ClusterError> {
        let body = kube::api::Patch::Merge(change);
        self.patch(resource, object, &patch.params(), &body).await
    }

    /// Replaces fields of an object, named by JSON pointers, if nobody has changed it since.
    pub async fn replace_fields(
        &self,
        resource: &Resource,
        live: &Value,
        fields: &[(&str, &Value)],
        patch: Patch<'_>,
    ) -> Result<Value, ClusterError> {
        let mut operations: Vec<Value> = fields
            .iter()
            .map(|(path, value)| serde_json::json!({"op": "replace", "path": path, "value": value}))
            .collect();
        operations.push(serde_json::json!({
            "op": "replace",
            "path": "/metadata/resourceVersion",
            "value": live.text(&["metadata", "resourceVersion"]),
        }));
        // The same request as for a merge patch, but for the type of its body.
        let body = kube::api::Patch::Merge(&operations);
        let request =
            request(resource, live.namespace()).patch(live.name(), &patch.params(), &body);
        let request = request.map(|mut request| {
            let json_patch = http::HeaderValue::from_static("application/json-patch+json");
            request
                .headers_mut()
                .insert(http::header::CONTENT_TYPE, json_patch);
            request
        });
        self.send(request, &live.describe()).await
    }

    /// Creates an object.
    pub async fn create(&self, resource: &Resource, object: &Value) -> Result<Value, ClusterError> {
        let params = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        let body = serde_json::to_vec(object).expect("a JSON value can always be written");
        let request = request(resource, object.namespace()).create(&params, body);
        self.send(request, &object.describe()).await
    }

    /// Replaces an object as a whole.
    pub async fn replace(
        &self,
        resource: &Resource,
        object: &Value,
    ) -> Result<Value, ClusterError> {
        let params = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        let body = serde_json::to_vec(object).expect("a JSON value can always be written");
        let request = request(resource, object.namespace()).replace(object.name(), &params, body);
        self.send(request, &object.describe()).await
    }

    /// Deletes an object; what it owns goes after it. Not an error when it is gone already.
    pub async fn delete(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<(), ClusterError> {
        self.delete_with(resource, namespace, name, &DeleteParams::background())
            .await
    }

    /// Asks whether an object could be deleted; deletes nothing.
    pub async fn try_delete(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<(), ClusterError> {
        let params = DeleteParams::background().dry_run();
        self.delete_with(resource, namespace, name, &params).await
    }

    /// Asks whether the user may do something with the objects of a kind.
    ///
    /// # Errors
    /// The user may not; the error names the verb. Where the question itself is not answered, the
    /// answer is taken to be yes: the server has the last word anyway.
    pub async fn demand(
        &self,
        verb: &str,
        resource: &Resource,
        namespace: &str,
    ) -> Result<(), ClusterError> {
        let reviews = Resource::cluster_wide(
            "authorization.k8s.io",
            "v1",
            "SelfSubjectAccessReview",
            "selfsubjectaccessreviews",
        );
        let place = if resource.namespaced { namespace } else { "" };
        let question = serde_json::json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": verb,
                "group": resource.api.group,
                "resource": resource.api.plural,
                "namespace": place,
            }},
        });
        let answer = self.create(&reviews, &question).await;
        if answer.is_ok_and(|answer| !answer.flag(&["status", "allowed"])) {
            let name = match resource.api.group.as_str() {
                "" => resource.api.plural.clone(),
                group => format!("{}.{group}", resource.api.plural),
            };
            return Err(ClusterError::Forbidden {
                object: "the release".to_owned(),
                verb: verb.to_owned(),
                resource: name,
                namespace: place.to_owned(),
                message: String::new(),
            });
        }
        Ok(())
    }

    async fn delete_with(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        params: &DeleteParams,
    ) -> Result<(), ClusterError> {
        let request = request(resource, namespace).delete(name, params);
        match self.send(request, &label(resource, namespace, name)).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    /// Reads the last lines that a container wrote; those of the run before with `previous`.
    pub async fn logs(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        lines: i64,
        previous: bool,
    ) -> Result<String, ClusterError> {
        let pods = Resource::namespaced("", "v1", "Pod", "pods");
        let params = LogParams {
            container: Some(container.to_owned()),
            tail_lines: Some(lines),
            previous,
            ..LogParams::default()
        };
        let label = format!("logs of Pod {namespace}/{pod}");
        let request = Request::new(pods.path(Some(namespace)))
            .logs(pod, &params)
            .map_err(|error| self.error(kube::Error::BuildRequest(error), &label))?;
        self.client
            .request_text(request)
            .await
            .map_err(|error| self.error(error, &label))
    }

    async fn patch<P: serde::Serialize + std::fmt::Debug>(
        &self,
        resource: &Resource,
        object: &Value,
        params: &PatchParams,
        body: &kube::api::Patch<P>,
    ) -> Result<Value, ClusterError> {
        let request = request(resource, object.namespace()).patch(object.name(), params, body);
        self.send(request, &object.describe()).await
    }

    async fn send(
        &self,
        request: Result<HttpRequest<Vec<u8>>, kube::core::request::Error>,
        label: &str,
    ) -> Result<Value, ClusterError> {
        let request =
            request.map_err(|error| self.error(kube::Error::BuildRequest(error), label))?;
        self.client
            .request(request)
            .await
            .map_err(|error| self.error(error, label))
    }

    /// Sorts an error of the client; `label` is what the request was about.
    pub fn sort(&self, error: kube::Error, label: &str) -> ClusterError {
        self.error(error, label)
    }

    fn error(&self, error: kube::Error, label: &str) -> ClusterError {
        ClusterError::from_kube(error, label, &self.target.server)
    }
}

/// Runs a request for each item, a bounded number at once, and returns the answers in order.
pub async fn for_each<T, R, F>(
    items: impl IntoIterator<Item = T>,
    run: impl FnMut(T) -> F,
) -> Vec<R>
where
    F: Future<Output = R>,
{
    stream::iter(items)
        .map(run)
        .buffered(CONCURRENCY)
        .collect()
        .await
}

fn request(resource: &Resource, namespace: &str) -> Request {
    Request::new(resource.path(Some(namespace)))
}

fn label(resource: &Resource, namespace: &str, name: &str) -> String {
    if resource.namespaced && !namespace.is_empty() {
        format!("{} {namespace}/{name}", resource.api.kind)
    } else {
        format!("{} {name}", resource.api.kind)
    }
}

/// Items of a list say neither `apiVersion` nor `kind`.
fn typed(resource: &Resource, mut item: Value) -> Value {
    if let Value::Object(fields) = &mut item {
        for (key, value) in [
            ("apiVersion", &resource.api.api_version),
            ("kind", &resource.api.kind),
        ] {
            fields
                .entry(key)
                .or_insert_with(|| Value::String(value.clone()));
        }
    }
    item
}
