"""A browser without JavaScript: cookies, redirects and forms, as a person would meet the login pages."""

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx2


class Form(HTMLParser):
    """The first form of a page: where it goes, its hidden fields, its buttons, and whether it asks for a password."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, list[str]] = {}
        self.buttons: list[tuple[str, str]] = []
        self.asks_password = False
        self._inside = False
        self._over = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and not self._over:
            self._inside, self.action = True, given.get("action") or ""
        if not self._inside:
            return
        name, value = given.get("name"), given.get("value")
        if tag == "button" and name:
            self.buttons.append((name, value or ""))
        if tag == "input" and name:
            kind = given.get("type")
            self.asks_password |= kind == "password"
            if kind == "submit" or (kind == "checkbox" and "checked" not in given):
                return
            self.fields.setdefault(name, []).append(value if value is not None else ("on" if kind == "checkbox" else ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._inside:
            self._inside, self._over = False, True


async def log_in(url: str, callback: str, username: str, password: str) -> str:
    """From the authorization URL to the redirect to `callback`, which is returned and not followed."""
    return await _walk(url, callback, username, password)


async def allow_device(url: str, username: str, password: str) -> None:
    """What the person does whose device shows this link."""
    await _walk(url, None, username, password)


async def _walk(url: str, callback: str | None, username: str, password: str) -> str:
    async with httpx2.AsyncClient(timeout=30) as http:
        request = http.build_request("GET", url)
        # Redirects and pages: a login, a consent, and what leads from one to the other.
        for _ in range(16):
            response = await http.send(request)
            if response.has_redirect_location:
                target = urljoin(str(response.url), response.headers["location"])
                if callback and target.startswith(callback):
                    return target
                request = http.build_request("GET", target)
                continue
            form = Form(response.text)
            if callback is None and request.method == "POST" and form.action is None:
                assert response.status_code == 200, f"{response.status_code}: {response.text[:2000]}"
                return str(response.url)
            assert form.action is not None, f"{response.status_code}, no form on {response.url}: {response.text[:2000]}"
            fields = dict(form.fields)
            if form.asks_password:
                fields |= {"username": [username], "password": [password]}
            else:
                allow = next((it for it in form.buttons if "allow" in it[1].lower() or "approve" in it[1].lower()), None)
                # The page that asks for a device's code has a button without a name.
                assert allow or callback is None, f"no button that allows on {response.url}: {response.text[:2000]}"
                if allow:
                    fields[allow[0]] = [allow[1]]
            page = urlsplit(str(response.url))
            request = http.build_request(
                "POST",
                urljoin(str(response.url), form.action),
                data=fields,
                headers={"origin": f"{page.scheme}://{page.netloc}"},
            )
    raise AssertionError(f"the login did not come back: {request.url}")
