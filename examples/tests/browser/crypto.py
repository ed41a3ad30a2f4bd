"""Calls one function of crypto.js in real Chromium. Arguments: the address of the page, the function's name.

Prints one JSON object: what the function gave, and what was wrong with the page.
"""

import json
import sys

from chromium import chromium


def main(url: str, function: str) -> None:
    wrong: list[str] = []
    with chromium() as browser:
        page = browser.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: request.url.startswith(url) or wrong.append(f"asked {request.url}"))
        page.goto(url)
        given = page.evaluate("async name => JSON.stringify(await (await import('/crypto.js'))[name]())", function)
    json.dump({"given": json.loads(given), "wrong": wrong}, sys.stdout)


main(sys.argv[1], sys.argv[2])
