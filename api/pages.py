"""The few HTML pages we serve: every value is escaped, every page has a strict CSP."""

from html import escape
from string import Template

from fastapi.responses import HTMLResponse

_FRAME = Template(
    """<!doctype html>
<html lang="$lang"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>$title</title>
<link rel="icon" href="/static/icon.svg">
<link rel="stylesheet" href="/static/page.css"></head>
<body><main><h1>$title</h1>
"""
)
_END = "</main></body></html>\n"
_FORM = Template(
    """<form method="post" action="$action">
<input type="hidden" name="nonce" value="$nonce">
<p class="trap"><label>Website <input name="website" tabindex="-1"
 autocomplete="off"></label></p>
<label>姓名 Name <input name="name" maxlength="200" autocomplete="name"></label>
<label>电话 Phone <input name="phone" type="tel" maxlength="40"
 autocomplete="tel"></label>
<label>邮箱 Email <input name="email" type="email" maxlength="200"
 autocomplete="email"></label>
<label>留言 Message
 <textarea name="message" maxlength="2000" rows="4"></textarea></label>
<label class="consent"><input name="consent" type="checkbox" value="yes" required>
 我同意仅为回复本次咨询而使用以上信息,并可随时要求删除。
 I agree that these details are used to answer this request only; I may ask for their
 deletion at any time.</label>
<button type="submit">提交 Send</button></form>
"""
)
_WATCH_LINK = Template('<p><a href="$href">观看视频 Watch the video</a></p>\n')
_WATCH = Template(
    """<video id="player" controls playsinline poster="$poster" data-source="$source">
</video><p id="trouble" hidden>This browser cannot play the video.</p>
<script src="/static/hls.min.js"></script><script src="/static/watch.js"></script>
"""
)
_TEXT = Template("<p>$text</p>\n")
_ROW = Template("<tr><td><code>$method</code></td><td><code>$path</code></td></tr>\n")


def _fill(template: Template, **values: str) -> str:
    """The only way a value gets into a page."""
    return template.substitute({name: escape(text) for name, text in values.items()})


def policy(*, store: str = "") -> str:
    """Nothing from anywhere but here, and for videos the store they lie in."""
    return "; ".join(
        (
            "default-src 'none'",
            "style-src 'self'",
            "script-src 'self'",
            f"img-src 'self' {store}".strip(),
            f"media-src 'self' blob: {store}".strip(),
            f"connect-src 'self' {store}".strip(),
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def _page(
    title: str, inside: str, *, store: str = "", status: int = 200
) -> HTMLResponse:
    frame = _fill(_FRAME, title=title, lang="zh")
    return HTMLResponse(
        frame + inside + _END,
        status,
        headers={
            "Content-Security-Policy": policy(store=store),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        },
    )


def landing(title: str, action: str, nonce: str, watch: str = "") -> HTMLResponse:
    """`no-store`, so going back in a browser brings a fresh one-time nonce."""
    link = _fill(_WATCH_LINK, href=watch) if watch else ""
    return _page(title, link + _fill(_FORM, action=action, nonce=nonce))


def message(title: str, text: str, status: int = 200) -> HTMLResponse:
    return _page(title, _fill(_TEXT, text=text), status=status)


def watch(title: str, source: str, poster: str, store: str) -> HTMLResponse:
    player = _fill(_WATCH, source=source, poster=poster)
    return _page(title, player, store=store)


def routes(title: str, listed: list[tuple[str, str]]) -> HTMLResponse:
    """What there is, without assets from anywhere else."""
    rows = "".join(_fill(_ROW, method=method, path=path) for method, path in listed)
    where = _fill(
        Template('<p>OpenAPI 3.1: <a href="$href">$href</a></p>\n'),
        href="/api/v1/openapi.json",
    )
    return _page(title, f"{where}<table>{rows}</table>\n")
