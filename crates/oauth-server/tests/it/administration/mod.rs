//! What administrators see and do of everybody's, by the API and on the pages, and who else cannot.

mod api;
mod effects;
mod pages;

use barewire_testkit::Browser;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{CALLBACK, Tokens, World, query, redemption};

impl World {
    /// The identifier of the API.
    pub(crate) fn admin_api(&self) -> String {
        self.at("/admin/api").into()
    }

    /// A token for the API with these scopes, allowed by this user.
    pub(crate) async fn admin_token(&self, user: &str, scope: &str) -> String {
        let client = self.register().await;
        let api = self.admin_api();
        let url = self.authorize_url(&client, CALLBACK, &[("scope", scope), ("resource", &api)]);
        let callback = Browser::new().login_and_consent(&url, user, "secret").await.unwrap();
        let code = query(&callback)["code"].clone();
        let mut form = redemption(&client, &code, CALLBACK);
        form[5].1 = &api;
        let (status, answer) = self.token(&form).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// A call of the API: status, and the body if there is one.
    pub(crate) async fn call(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let url = self.url.join(&format!("/admin/api{path}")).unwrap();
        let mut request = self.http.request(method, url).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() })
    }

    pub(crate) async fn look(&self, token: &str, path: &str) -> Value {
        let (status, body) = self.call(token, Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    /// A registered client of their own that this user has connected, with both scopes.
    pub(crate) async fn connected_by(&self, user: &str) -> (String, Tokens) {
        // One for each user: equal registrations are one client.
        let own = json!({ "client_uri": format!("https://{user}.example") });
        let client = self.register_with(own).await["client_id"].as_str().unwrap().to_owned();
        let url = self.authorize_url(&client, CALLBACK, &[("scope", "posts:read posts:write")]);
        let callback = Browser::new().login_and_consent(&url, user, "secret").await.unwrap();
        let (status, answer) = self.redeem(&client, &query(&callback)["code"]).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        (client, Tokens::read(&answer))
    }
}

/// The values of a field of all items of a list.
pub(crate) fn each<'a>(list: &'a Value, name: &str) -> Vec<&'a str> {
    let items = list["items"].as_array().unwrap_or_else(|| panic!("no list: {list}"));
    items.iter().map(|item| item[name].as_str().unwrap_or_default()).collect()
}
