//! What a browser without JavaScript sees of a page: its text, its links and its forms.

use http::{HeaderMap, StatusCode};
use scraper::{ElementRef, Html, Selector};
use url::Url;

/// A response that was not a redirect.
#[derive(Debug, Clone)]
pub struct Page {
    /// Where it was in the end.
    pub url: Url,
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as it came.
    pub body: String,
}

/// A form with the values it would be submitted with.
#[derive(Debug, Clone)]
pub struct Form {
    /// Where it goes, made absolute.
    pub action: Url,
    /// Whether it is a `POST`.
    pub post: bool,
    /// Names and values in document order: what a browser would send, without buttons.
    pub fields: Vec<(String, String)>,
    /// Names of its `type=password` fields.
    pub passwords: Vec<String>,
    /// Its submit buttons: name, value, text a person reads.
    pub buttons: Vec<(String, String, String)>,
    /// Unchecked checkboxes and radio buttons: they become fields by [`Form::check`].
    pub unchecked: Vec<(String, String)>,
}

impl Page {
    /// All text a person would read, in one line.
    pub fn text(&self) -> String {
        let html = Html::parse_document(&self.body);
        html.select(&selector("body")).next().map(|body| text_of(&body)).unwrap_or_default()
    }

    /// The text of the first element that `css` selects.
    pub fn select(&self, css: &str) -> Option<String> {
        Html::parse_document(&self.body).select(&selector(css)).next().map(|element| text_of(&element))
    }

    /// The text of its heading.
    ///
    /// # Panics
    /// When it has none: a person would not know where they are.
    pub fn heading(&self) -> String {
        self.select("h1").unwrap_or_else(|| panic!("no heading, {} {}", self.status, self.body))
    }

    /// Where the first link leads whose text contains `text`.
    pub fn link(&self, text: &str) -> Option<Url> {
        let html = Html::parse_document(&self.body);
        let found = html.select(&selector("a[href]")).find(|a| text_of(a).contains(text))?;
        self.url.join(found.value().attr("href")?).ok()
    }

    /// Its forms, in document order.
    pub fn forms(&self) -> Vec<Form> {
        let html = Html::parse_document(&self.body);
        html.select(&selector("form")).filter_map(|form| self.read_form(&form)).collect()
    }

    /// The first form that has a field called `field` (buttons count).
    pub fn form_with(&self, field: &str) -> Option<Form> {
        self.forms().into_iter().find(|form| {
            form.fields.iter().chain(&form.unchecked).any(|(name, _)| name == field)
                || form.buttons.iter().any(|(name, _, _)| name == field)
        })
    }

    /// The form with a button that stands for `action`, with that button pressed: pages on which several things can be done
    /// tell them apart so.
    ///
    /// # Panics
    /// When there is no such button.
    pub fn press(&self, action: &str) -> Form {
        let has_button = |form: &Form| form.buttons.iter().any(|(_, value, _)| value == action);
        let form = self.forms().into_iter().find(has_button);
        let mut form = form.unwrap_or_else(|| panic!("nothing says {action} in {}", self.body));
        form.fields.push(("action".to_owned(), action.to_owned()));
        form
    }

    fn read_form(&self, element: &ElementRef<'_>) -> Option<Form> {
        let attr = |name| element.value().attr(name);
        let action = match attr("action") {
            None | Some("") => self.url.clone(),
            Some(action) => self.url.join(action).ok()?,
        };
        let post = attr("method").is_some_and(|m| m.eq_ignore_ascii_case("post"));
        let mut form = Form {
            action,
            post,
            fields: Vec::new(),
            passwords: Vec::new(),
            buttons: Vec::new(),
            unchecked: Vec::new(),
        };
        for control in element.select(&selector("input, textarea, select, button")) {
            form.add(&control);
        }
        Some(form)
    }
}

impl Form {
    /// Types `value` into the field called `name`, replacing what is there.
    ///
    /// # Panics
    /// When the form has no such field: a page whose fields were renamed should fail the test that fills it.
    #[must_use]
    pub fn fill(mut self, name: &str, value: &str) -> Self {
        let field = self.fields.iter_mut().find(|(n, _)| n == name);
        match field {
            Some(field) => value.clone_into(&mut field.1),
            None => panic!("the form has no field {name:?}, only {:?}", self.fields),
        }
        self
    }

    /// Checks a checkbox or radio button by name and value.
    ///
    /// # Panics
    /// When the form has no such unchecked control.
    #[must_use]
    pub fn check(mut self, name: &str, value: &str) -> Self {
        let at = self.unchecked.iter().position(|(n, v)| n == name && v == value);
        let at = at.unwrap_or_else(|| panic!("nothing unchecked is called {name:?} with value {value:?}"));
        let checked = self.unchecked.remove(at);
        self.fields.push(checked);
        self
    }

    /// Unchecks a checkbox by name and value.
    #[must_use]
    pub fn uncheck(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(n, v)| !(n == name && v == value));
        self
    }

    /// Presses the button whose text or value contains one of `words`, ignoring case.
    pub fn press(mut self, words: &[&str]) -> Option<Self> {
        let fits = |text: &str| words.iter().any(|w| text.to_lowercase().contains(w));
        let found = self.buttons.iter().find(|(_, value, text)| fits(text) || fits(value)).cloned()?;
        if !found.0.is_empty() {
            self.fields.push((found.0, found.1));
        }
        Some(self)
    }

    fn add(&mut self, control: &ElementRef<'_>) {
        let attr = |name| control.value().attr(name).map(str::to_owned);
        let name = attr("name").unwrap_or_default();
        let value = attr("value");
        let tag = control.value().name();
        let kind = attr("type").unwrap_or_else(|| if tag == "button" { "submit" } else { "text" }.to_owned());
        if control.value().attr("disabled").is_some() {
            return;
        }
        match (tag, kind.as_str()) {
            ("input" | "button", "submit") => {
                let text = if tag == "button" { text_of(control) } else { value.clone().unwrap_or_default() };
                self.buttons.push((name, value.unwrap_or_default(), text));
            }
            ("button", _) => {}
            _ if name.is_empty() => {}
            ("select", _) => {
                let options: Vec<_> = control.select(&selector("option")).collect();
                let chosen =
                    options.iter().find(|o| o.value().attr("selected").is_some()).or(options.first());
                if let Some(option) = chosen {
                    let value = option.value().attr("value").map_or_else(|| text_of(option), str::to_owned);
                    self.fields.push((name, value));
                }
            }
            ("textarea", _) => self.fields.push((name, control.text().collect())),
            (_, "checkbox" | "radio") => {
                let value = value.unwrap_or_else(|| "on".to_owned());
                let checked = control.value().attr("checked").is_some();
                if checked { &mut self.fields } else { &mut self.unchecked }.push((name, value));
            }
            (_, kind) => {
                if kind == "password" {
                    self.passwords.push(name.clone());
                }
                self.fields.push((name, value.unwrap_or_default()));
            }
        }
    }
}

fn selector(css: &str) -> Selector {
    Selector::parse(css).expect("a test selects with valid CSS")
}

fn text_of(element: &ElementRef<'_>) -> String {
    element.text().flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}
