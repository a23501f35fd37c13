//! [`Document`]: a server's OpenAPI document, with its schemas as JSON Schema.

use std::{
    collections::BTreeMap,
    sync::{LazyLock, Mutex},
};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::{
    recording::{OPENAPI, Release},
    request::AnyRequest,
};

/// The prefix of all paths, which the document leaves out.
const SERVER: &str = "/api";

/// The document of the newest server, which covers everything that stepwell sends and reads.
pub static DOCUMENT: LazyLock<Document> = LazyLock::new(|| Document::read(OPENAPI));

/// The document of the older server.
static DOCUMENT_015: LazyLock<Document> = LazyLock::new(|| {
    let served = Release::V015.response("240_openapi");
    Document::read(&served.body)
});

impl Release {
    pub fn document(self) -> &'static Document {
        match self {
            Self::V015 => &DOCUMENT_015,
            Self::V016 => &DOCUMENT,
        }
    }
}

pub struct Document {
    pub whole: Value,
    /// `components`, converted to JSON Schema.
    components: Value,
    /// The same, without fields that are not named.
    strict: Value,
    validators: Mutex<BTreeMap<(String, bool), &'static Validator>>,
}

/// An operation of the document.
#[derive(Clone, Copy)]
pub struct Operation {
    /// For example `/v1/pipelines/{id}`.
    pub path: &'static str,
    pub spec: &'static Value,
}

/// The result of looking up a request.
pub enum Found {
    Operation(Operation),
    /// The path is known, but not with this method.
    OtherMethods,
    Nothing,
}

impl Document {
    fn read(text: &str) -> Self {
        let whole: Value = serde_json::from_str(text).unwrap();
        let mut components = whole["components"].clone();
        into_json_schema(&mut components);
        let mut strict = components.clone();
        forbid_other_fields(&mut strict);
        Self {
            whole,
            components,
            strict,
            validators: Mutex::default(),
        }
    }

    pub fn schemas(&self) -> &Map<String, Value> {
        self.whole["components"]["schemas"].as_object().unwrap()
    }

    /// All operations, with their methods.
    pub fn operations(&'static self) -> impl Iterator<Item = (String, Operation)> {
        let paths = self.whole["paths"].as_object().unwrap();
        paths.iter().flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap();
            methods
                .iter()
                .map(move |(method, spec)| (method.to_uppercase(), Operation { path, spec }))
        })
    }

    /// The operation that a request addresses. A path without parameters takes precedence over one with parameters.
    pub fn find(&'static self, request: &AnyRequest) -> Found {
        let Some(path) = request.path.strip_prefix(SERVER) else {
            return Found::Nothing;
        };
        let operations: Vec<_> = self
            .operations()
            .filter(|(_, operation)| matches(operation.path, path))
            .collect();
        let Some(best) = operations
            .iter()
            .map(|(_, operation)| operation.path)
            .min_by_key(|path| path.matches('{').count())
        else {
            return Found::Nothing;
        };
        // The parameters of one path may have other names with another method.
        let found = operations
            .into_iter()
            .filter(|(_, operation)| unnamed(operation.path) == unnamed(best))
            .find(|(method, _)| *method == request.method);
        found.map_or(Found::OtherMethods, |(_, operation)| {
            Found::Operation(operation)
        })
    }

    /// The violations of a schema, which is one of the document's or refers to one.
    pub fn complaints(&self, schema: &Value, value: &Value) -> Vec<String> {
        self.errors(schema, &self.components, value)
    }

    /// As [`complaints`](Self::complaints), but fields that the document does not name are violations too.
    pub fn strict_complaints(&self, schema: &Value, value: &Value) -> Vec<String> {
        self.errors(schema, &self.strict, value)
    }

    fn errors(&self, schema: &Value, components: &Value, value: &Value) -> Vec<String> {
        let validator = self.validator(schema, components);
        let errors = validator.iter_errors(value);
        errors
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }

    fn validator(&self, schema: &Value, components: &Value) -> &'static Validator {
        let is_strict = std::ptr::eq(components, &raw const self.strict);
        let mut validators = self.validators.lock().unwrap();
        let key = (schema.to_string(), is_strict);
        validators.entry(key).or_insert_with(|| {
            let mut root = schema.clone();
            into_json_schema(&mut root);
            root["components"] = components.clone();
            // Kept for the rest of the test.
            Box::leak(Box::new(jsonschema::validator_for(&root).unwrap()))
        })
    }
}

impl Operation {
    pub fn id(&self) -> &'static str {
        self.spec["operationId"].as_str().unwrap()
    }

    /// The schema of the request body.
    pub fn request(&self) -> Option<&'static Value> {
        self.spec
            .pointer("/requestBody/content/application~1json/schema")
    }

    /// The schema of the reply with this status.
    pub fn reply(&self, status: u16) -> Option<&'static Value> {
        let content = format!("/responses/{status}/content/application~1json/schema");
        self.spec.pointer(&content)
    }

    /// The names of the query parameters.
    pub fn parameters(&self) -> Vec<&'static str> {
        let parameters = self.spec["parameters"].as_array();
        parameters
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect()
    }
}

/// The name of the schema that is referred to.
pub fn referred(schema: &Value) -> Option<&str> {
    schema["$ref"]
        .as_str()?
        .strip_prefix("#/components/schemas/")
}

fn matches(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template.zip(path).all(|(expected, segment)| {
            expected == segment || (expected.starts_with('{') && !segment.is_empty())
        })
}

fn unnamed(template: &str) -> Vec<&str> {
    let segments = template.split('/');
    segments
        .map(|segment| {
            if segment.starts_with('{') {
                "{}"
            } else {
                segment
            }
        })
        .collect()
}

/// Converts `nullable`, which OpenAPI 3.0 has and JSON Schema has not: there, null is a type of its own. The other keywords in the document
/// are the same in both, or do not affect validity (`format`, `readOnly`, `discriminator`).
fn into_json_schema(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(into_json_schema);
            if fields.remove("nullable") != Some(Value::Bool(true)) {
                return;
            }
            if let Some(kind) = fields.get_mut("type") {
                *kind = json!([kind, "null"]);
            } else if let Some(all_of) = fields.remove("allOf") {
                fields.insert(
                    "anyOf".to_owned(),
                    json!([{"allOf": all_of}, {"type": "null"}]),
                );
            }
            // Without a type everything is valid, including null.
        }
        Value::Array(values) => values.iter_mut().for_each(into_json_schema),
        _ => {}
    }
}

fn forbid_other_fields(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(forbid_other_fields);
            if fields.get("properties").is_some_and(Value::is_object)
                && fields.get("type").is_some_and(|kind| kind == "object")
            {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        Value::Array(values) => values.iter_mut().for_each(forbid_other_fields),
        _ => {}
    }
}

#[test]
fn the_documents_are_read_as_they_are_meant() {
    for release in Release::ALL {
        let document = release.document();
        assert_eq!(document.whole["openapi"], "3.0.3");
        assert_eq!(document.whole["servers"][0]["url"], "/api/");
        // Keywords that would need a conversion too.
        for keyword in ["exclusiveMinimum", "exclusiveMaximum", "\"not\""] {
            assert!(!document.whole.to_string().contains(keyword), "{keyword}");
        }
        assert!(!document.components.to_string().contains("nullable"));
    }

    let patch = json!({"$ref": "#/components/schemas/PipelinePatch"});
    let document = &*DOCUMENT;
    for (body, valid) in [
        (json!({}), true),
        (json!({"stop": null, "parallelism": null}), true),
        (json!({"stop": "force", "scheduler_config": null}), true),
        (json!({"stop": "Force"}), false),
        (json!({"stop": 1}), false),
        (json!({"parallelism": -1}), false),
        (json!({"parallelism": "1"}), false),
        (json!({"env_vars": {"a": 1}}), false),
        (json!([]), false),
    ] {
        let complaints = document.complaints(&patch, &body);
        assert_eq!(complaints.is_empty(), valid, "{body}: {complaints:?}");
    }
    let unknown = json!({"bogus": 1});
    assert!(document.complaints(&patch, &unknown).is_empty());
    assert_eq!(document.strict_complaints(&patch, &unknown).len(), 1);
}
