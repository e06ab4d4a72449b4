//! The description of the API, made from what is really served.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::{Map, Value, json};

use crate::operations::{self, Operation, Visitor};
use crate::problem::Code;
use crate::shard::Shard;

/// `GET /openapi.json`.
pub(crate) async fn document(shard: Data<Shard>) -> HttpResponse {
    HttpResponse::Ok().json(describe(shard.authenticator.is_some()))
}

/// The OpenAPI document of a gateway that asks who calls, or does not.
pub(crate) fn describe(asks_who_calls: bool) -> Value {
    let mut paths = Paths::default();
    operations::each(&mut paths);
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": env!("CARGO_PKG_NAME"),
            "version": env!("CARGO_PKG_VERSION"),
            "description": env!("CARGO_PKG_DESCRIPTION"),
        },
        "paths": paths.by_path,
        "components": { "schemas": { "Problem": problem_schema() } },
    });
    if asks_who_calls {
        document["components"]["securitySchemes"] = json!({
            "bearer": { "type": "http", "scheme": "bearer", "description": "An API key or a token." },
            "apiKey": { "type": "apiKey", "in": "header", "name": "x-api-key" },
        });
        document["security"] = json!([{ "bearer": [] }, { "apiKey": [] }]);
    }
    document
}

#[derive(Default)]
struct Paths {
    by_path: Map<String, Value>,
}

impl Visitor for Paths {
    fn visit<O: Operation>(&mut self) {
        self.by_path.insert(O::PATH.to_owned(), json!({ "post": post::<O>() }));
    }
}

fn post<O: Operation>() -> Value {
    let mut responses = Map::new();
    responses.insert(
        "200".into(),
        json!({
            "description": "The worker's answer",
            "content": { "application/json": { "schema": with_id(O::output_schema()) } },
        }),
    );
    for code in Code::ALL.into_iter().filter(|code| !matches!(code, Code::NotFound | Code::MethodNotAllowed))
    {
        let entry = responses.entry(code.status().as_str()).or_insert_with(|| {
            json!({
                "description": "",
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            })
        });
        let told = entry["description"].as_str().unwrap_or_default();
        let comma = if told.is_empty() { "" } else { "; " };
        entry["description"] = format!("{told}{comma}`{}`: {}", code.text(), code.title()).into();
    }
    json!({
        "operationId": O::NAME,
        "summary": O::SUMMARY,
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": O::input_schema(), "example": O::example() } },
        },
        "responses": responses,
    })
}

fn with_id(mut output: Value) -> Value {
    output["properties"]["id"] =
        json!({ "type": "string", "format": "uuid", "description": "The request's id." });
    if let Some(required) = output["required"].as_array_mut() {
        required.push("id".into());
    }
    output
}

fn problem_schema() -> Value {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.text()).collect();
    json!({
        "type": "object",
        "description": "RFC 9457 problem details",
        "required": ["type", "title", "status", "detail", "code", "retry_safe"],
        "properties": {
            "type": { "type": "string", "format": "uri" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "code": { "type": "string", "enum": codes },
            "retry_safe": {
                "type": "boolean",
                "description": "True if nothing of the request was handed to Kafka.",
            },
            "id": { "type": "string", "format": "uuid" },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_of_an_operation_is_described() {
        let document = describe(false);
        let responses = document["paths"]["/hash"]["post"]["responses"].as_object().unwrap();
        for status in ["200", "400", "401", "403", "408", "413", "415", "422", "429", "502", "503", "504"] {
            assert!(responses.contains_key(status), "{status}");
        }
        let unavailable = responses["503"]["description"].as_str().unwrap();
        assert!(
            unavailable.contains("`overloaded`") && unavailable.contains("`no_workers`"),
            "{unavailable}"
        );
    }

    #[test]
    fn how_callers_are_known_is_described_where_they_are_asked() {
        assert!(describe(false).get("security").is_none());
        let document = describe(true);
        for way in document["security"].as_array().unwrap() {
            let name = way.as_object().unwrap().keys().next().unwrap();
            assert!(document["components"]["securitySchemes"][name].is_object(), "{name}");
        }
    }

    #[test]
    fn the_answer_has_its_id() {
        let document = describe(false);
        let answer =
            &document["paths"]["/hash"]["post"]["responses"]["200"]["content"]["application/json"]["schema"];
        assert_eq!(answer["required"], json!(["hash", "id"]));
    }
}
