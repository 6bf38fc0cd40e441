//! The API reference in a browser.

use harness::{browser::Page, database::Backend::Sqlite, server::Server};
use serde_json::json;
use url::Url;

const PLACE: &str = "#operations-service-orders-createServiceOrder";

/// The same server under a name: for a page at `localhost` the reference leaves out what it loads for others, and
/// the settings do not know the name.
fn under(name: &str, server: &Server) -> String {
    server.url.replace("127.0.0.1", name)
}

#[actix_web::test]
async fn the_reference_can_be_tried_and_loads_nothing_from_outside() {
    let server = Server::start(Sqlite).await;
    let token = server.log_in("worker", "lianxin-demo").await.text("/access_token").to_owned();
    let mut page = Page::open(&format!("{}/docs", under("lianxin.example", &server)));
    page.text(PLACE);
    page.picture("reference");

    page.click(".btn.authorize");
    page.click(".auth-container input");
    page.paste(&token);
    page.click(".auth-container button.authorize");
    page.click(".auth-container .btn-done");
    page.click(&format!("{PLACE} .opblock-summary-control"));
    page.click(&format!("{PLACE} .try-out__btn"));
    assert!(page.text(&format!("{PLACE} textarea")).contains("厨房水龙头漏水"));
    page.click(&format!("{PLACE} .execute"));
    let answer = format!("{PLACE} .live-responses-table tbody");
    assert_eq!(page.text(&format!("{answer} .response-col_status")), "201");
    assert!(page.text(&format!("{answer} .highlight-code")).contains("厨房水龙头漏水"));
    page.picture("answer");

    let own = Url::parse(&under("lianxin.example", &server)).unwrap().origin();
    let requests = page.requests();
    assert!(requests.iter().any(|url| url.ends_with("/api/v1/service-orders")), "{requests:?}");
    let outside = |url: &&&str| !url.starts_with("data:") && Url::parse(url).unwrap().origin() != own;
    assert_eq!(requests.iter().find(outside), None);
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[actix_web::test]
async fn the_reference_may_load_nothing_from_outside() {
    let server = Server::start(Sqlite).await;
    let mut page = Page::open(&format!("{}/docs/", under("lianxin.example", &server)));
    // all of it is there to be loaded, from another origin
    let outside = under("elsewhere.example", &server);
    let refused = page.run(&format!(
        "new Promise(done => {{
            const refused = new Set();
            document.addEventListener('securitypolicyviolation', event => {{
                refused.add(`${{event.effectiveDirective}} ${{event.blockedURI === 'inline'}}`);
                if (refused.size === 5) done([...refused].sort());
            }});
            setTimeout(() => done([...refused].sort()), 10000);
            const add = (name, members) => document.head.append(Object.assign(document.createElement(name), members));
            add('script', {{ src: '{outside}/docs/swagger-initializer.js' }});
            add('script', {{ textContent: 'window.inline = true' }});
            add('link', {{ rel: 'stylesheet', href: '{outside}/docs/index.css' }});
            add('img', {{ src: '{outside}/docs/favicon-16x16.png' }});
            fetch('{outside}/openapi.json').catch(() => {{}});
        }})"
    ));
    let all = ["connect-src false", "img-src false", "script-src-elem false", "script-src-elem true"];
    assert_eq!(refused, json!([&all[..], &["style-src-elem false"]].concat()));
}
