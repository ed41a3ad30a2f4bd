"""The official conformance suite's scenarios for authorization servers, with a person at the browser that it asks for.

The argument is {"suite": [PROGRAM, …], "url": …, "client": …, "port": …, "email": …, "password": …}. At a line on standard input
it runs them all, and prints {"ended": exit code, "said": what the suite printed}.
"""

import json
import subprocess
import sys

from person import decide


def run(given: dict) -> dict[str, object]:
    asked = ["--url", given["url"], "--client-id", given["client"], "-p", str(given["port"])]
    resource = ["--resource", f"{given['url']}/mcp"]
    suite = subprocess.Popen(
        [*given["suite"], "authorization", *asked, *resource], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said, page, listening = [], None, False
    # It prints the page's address, then that it listens; then the person may go.
    for line in suite.stdout:
        said.append(line)
        page = line.strip() if line.startswith(f"{given['url']}/authorize?") else page
        listening = listening or line.startswith("Callback server started")
        if page and listening:
            decide(page, given["email"], given["password"])
            page = None
    return {"ended": suite.wait(), "said": "".join(said)}


for _ in sys.stdin:
    print(json.dumps(run(json.loads(sys.argv[1]))), flush=True)
