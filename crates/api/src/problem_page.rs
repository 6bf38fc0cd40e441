//! What the code of a problem means: where its `type` leads, for a browser as a page, for programs as JSON.

use actix_web::{HttpRequest, HttpResponse, ResponseError as _, get, http::header, web};
use serde_json::json;

use crate::problem::{CODES, FIELD_CODES, Problem};

/// What a code means.
#[get("/problems/{code}")]
pub async fn problem_page(request: HttpRequest, code: web::Path<String>) -> HttpResponse {
    let Some((code, status, zh, en)) = CODES.iter().find(|(known, ..)| *known == code.as_str()) else {
        return Problem::new("not-found").error_response();
    };
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if accept.is_some_and(|accept| accept.contains("text/html")) {
        return HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page(code, *status, zh, en));
    }
    let mut meaning = json!({"code": code, "status": status, "title": {"zh-CN": zh, "en": en}});
    let fields = fields_of(code);
    if !fields.is_empty()
        && let Some(members) = meaning.as_object_mut()
    {
        let fields = fields.iter().map(|(code, zh, en)| json!({"code": code, "detail": {"zh-CN": zh, "en": en}}));
        members.insert("errors".to_owned(), fields.collect());
    }
    HttpResponse::Ok().json(meaning)
}

/// What may be wrong with a member, for the problem that names members.
fn fields_of(code: &str) -> &'static [(&'static str, &'static str, &'static str)] {
    if code == "validation-failed" { FIELD_CODES } else { &[] }
}

/// Only words of this program are on the page, none of them with a character that HTML would read.
fn page(code: &str, status: u16, zh: &str, en: &str) -> String {
    let row = |(code, zh, en): &(&str, &str, &str)| {
        format!("<tr><th scope=\"row\"><code>{code}</code></th><td>{zh}</td><td lang=\"en\">{en}</td></tr>\n")
    };
    let rows: String = fields_of(code).iter().map(row).collect();
    let table = if rows.is_empty() {
        String::new()
    } else {
        format!("<table>\n<caption>errors[].code</caption>\n{rows}</table>\n")
    };
    format!(
        "<!doctype html>\n<html lang=\"zh-CN\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{zh} · {code}</title>\n</head>\n<body>\n\
         <h1>{zh}</h1>\n<p lang=\"en\">{en}</p>\n<p><code>{code}</code> · HTTP {status}</p>\n{table}</body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_needs_escaping() {
        let words = CODES.iter().flat_map(|(code, _, zh, en)| [code, zh, en]);
        let more = FIELD_CODES.iter().flat_map(|(code, zh, en)| [code, zh, en]);
        for word in words.chain(more) {
            assert!(!word.contains(['<', '>', '&']), "{word}");
        }
    }
}
