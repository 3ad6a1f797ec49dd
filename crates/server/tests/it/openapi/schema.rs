//! Reading an OpenAPI document, and holding answers against its schemas.

use poltrona_testkit::app::is_time;
use serde_json::Value;

/// The document as it was served.
pub(super) struct Document(pub(super) Value);

/// One method of one path.
pub(super) struct Operation {
    pub(super) method: String,
    pub(super) path: String,
    description: Value,
}

impl Document {
    pub(super) fn paths(&self) -> Vec<String> {
        self.0["paths"].as_object().expect("paths").keys().cloned().collect()
    }

    pub(super) fn operations(&self) -> impl Iterator<Item = Operation> {
        let items = self.0["paths"].as_object().expect("paths").iter();
        items.flat_map(|(path, item)| {
            item.as_object().expect("an object").iter().map(|(method, description)| Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                description: description.clone(),
            })
        })
    }

    fn operation(&self, name: &str) -> Operation {
        let found = self.operations().find(|operation| operation.name() == name);
        found.unwrap_or_else(|| panic!("{name} is not described"))
    }

    /// The example of an operation's body.
    pub(super) fn body_example(&self, name: &str) -> Value {
        let body = self.operation(name).description["requestBody"].clone();
        let schema = self.resolve(&body["content"]["application/json"]["schema"]);
        let example = &schema["example"];
        assert!(example.is_object(), "{name} has an example: {schema}");
        example.clone()
    }

    /// Fails unless this is what the operation describes for this status.
    #[track_caller]
    pub(super) fn assert_success(&self, name: &str, status: u16, body: &Value) {
        let operation = self.operation(name);
        let response = &operation.description["responses"][status.to_string()];
        let schema = &response["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{name} describes {status}");
        self.check(name, schema, body);
    }

    #[track_caller]
    pub(super) fn assert_conforms(&self, reference: &str, value: &Value) {
        self.check(reference, &serde_json::json!({ "$ref": reference }), value);
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let Some(reference) = schema["$ref"].as_str() else { return schema };
        let pointer = reference.strip_prefix('#').expect("a reference into the document");
        let found = self.0.pointer(pointer);
        self.resolve(found.unwrap_or_else(|| panic!("{reference} leads nowhere")))
    }

    /// As much of JSON Schema as the document uses. Fields that it does not describe are failures
    /// too.
    #[track_caller]
    fn check(&self, what: &str, schema: &Value, value: &Value) {
        let schema = self.resolve(schema);
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.check_required(what, part, value);
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            assert!(
                choices.iter().any(|it| self.has_type(it, value)),
                "{what}: {value} of {choices:?}"
            );
            return;
        }
        assert!(self.has_type(schema, value), "{what}: {value} is no {}", schema["type"]);
        if let Some(choices) = schema["enum"].as_array() {
            assert!(choices.contains(value), "{what}: {value} is none of {choices:?}");
        }
        match schema["format"].as_str() {
            Some("uuid") if !value.is_null() => {
                let is_id = value.as_str().is_some_and(|text| uuid::Uuid::try_parse(text).is_ok());
                assert!(is_id, "{what}: {value} is no UUID");
            }
            Some("date-time") => assert!(is_time(value), "{what}: {value} is no time"),
            _ => {}
        }
        for (i, entry) in value.as_array().into_iter().flatten().enumerate() {
            self.check(&format!("{what}[{i}]"), &schema["items"], entry);
        }
        if value.is_object() {
            self.check_required(what, schema, value);
            for (field, value) in value.as_object().expect("an object") {
                let property = self.property(schema, field);
                let property =
                    property.unwrap_or_else(|| panic!("{what}.{field} is not described"));
                self.check(&format!("{what}.{field}"), property, value);
            }
        }
    }

    #[track_caller]
    fn check_required(&self, what: &str, schema: &Value, value: &Value) {
        for field in self.resolve(schema)["required"].as_array().into_iter().flatten() {
            let field = field.as_str().expect("a name");
            assert!(value.get(field).is_some(), "{what} lacks {field}");
        }
    }

    fn property<'a>(&'a self, schema: &'a Value, field: &str) -> Option<&'a Value> {
        let schema = self.resolve(schema);
        schema["properties"].get(field).or_else(|| {
            let mut parts = schema["allOf"].as_array().into_iter().flatten();
            parts.find_map(|part| self.property(part, field))
        })
    }

    fn has_type(&self, schema: &Value, value: &Value) -> bool {
        let schema = self.resolve(schema);
        let is = |name: &Value| match name.as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            Some("null") => value.is_null(),
            _ => false,
        };
        match &schema["type"] {
            Value::Null => schema["allOf"].is_array() && value.is_object(),
            Value::Array(names) => names.iter().any(is),
            name => is(name),
        }
    }
}

impl Operation {
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Status, media type, name and value of each example of an error.
    pub(super) fn error_examples(&self) -> Vec<(String, String, String, Value)> {
        let mut found = Vec::new();
        for (status, response) in self.description["responses"].as_object().expect("responses") {
            for (kind, content) in response["content"].as_object().into_iter().flatten() {
                for (name, example) in content["examples"].as_object().into_iter().flatten() {
                    let value = example["value"].clone();
                    found.push((status.clone(), kind.clone(), name.clone(), value));
                }
            }
        }
        found
    }
}
