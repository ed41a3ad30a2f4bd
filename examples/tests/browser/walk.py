"""Walks every page of the console as people do, and looks at each. Its one argument: JSON of where and who.

Prints one JSON object: the pages seen, and what was wrong.
"""

import json
import sys
from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import Request, urlopen

from chromium import chromium
from console import Visit, challenge, mail_link

PASSWORD = "correct horse battery staple"
OTHER = "quiet lantern over seven bridges"


def post(url: str, body: dict, form: bool) -> dict:
    data = urlencode(body).encode() if form else json.dumps(body).encode()
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    with urlopen(Request(url, data, {"Content-Type": kind})) as answer:
        return json.load(answer)


def before_sign_in(visit: Visit, mail: str) -> None:
    visit.go("/profile?x=1#tokens")
    assert urlsplit(visit.page.url).path == "/login", visit.page.url
    visit.look("sign_in")
    visit.sign_in("nobody@acme.example", PASSWORD)
    visit.says("not right")
    visit.look("sign_in_failed")
    visit.go("/no/such/page")
    visit.says("Nothing is here")
    visit.says("req_")
    visit.look("error")
    visit.go("/signup")
    visit.look("sign_up")
    visit.fill("Your name", "Grace <b>Hopper</b>")
    visit.fill("E-mail", "grace@acme.example")
    visit.fill("Password", PASSWORD)
    visit.press("Make account")
    visit.look("mail_is_coming")
    visit.go(mail_link(mail, "/verify"))
    visit.look("verify")
    visit.press("Confirm my address")
    visit.says("confirmed")
    visit.go("/forgot")
    visit.look("forgot")
    visit.fill("E-mail", "grace@acme.example")
    visit.press("Send the link")
    visit.says("on its way")
    visit.go(mail_link(mail, "/reset"))
    visit.look("reset")
    visit.fill("New password", "password1234")
    visit.press("Set password")
    assert visit.page.get_by_role("alert").is_visible()
    visit.look("reset_failed")
    visit.fill("New password", OTHER)
    visit.press("Set password")
    visit.says("new password is set")
    visit.sign_in("grace@acme.example", OTHER)
    visit.says("Welcome, Grace")
    visit.look("home_alone")


def own(visit: Visit) -> None:
    visit.go("/login?next=//evil.example")
    visit.sign_in("ada@acme.example", PASSWORD)
    assert visit.page.url.rstrip("/") == visit.url, visit.page.url
    cookie = next(c for c in visit.context.cookies() if c["name"] == "__Host-airlock_session")
    assert cookie["httpOnly"] and cookie["secure"] and cookie["sameSite"] == "Lax", cookie
    visit.look("home")
    visit.go("/profile")
    visit.look("profile")
    visit.fill("Name", "Ada <i>Lovelace</i>")
    visit.press("Save name")
    visit.says("Saved")
    visit.fill("Name of a new token", "nightly report")
    visit.press("Make token")
    visit.says("airpat_")
    visit.look("token")
    visit.page.go_back()
    assert "airpat_" not in visit.page.content() or visit.page.locator("#token").count() == 0
    visit.go("/profile")
    visit.press("Revoke nightly report")
    visit.says("revoked")
    delete = visit.page.get_by_role("button", name="Delete my account")
    assert delete.is_disabled()
    visit.page.get_by_text("Change e-mail").click()
    visit.fill("New e-mail", "ada2@acme.example")
    visit.page.locator("#email-password").fill("not the password")
    visit.press("Send the link")
    assert visit.page.get_by_role("alert").is_visible()
    visit.look("profile_failed")


def the_org(visit: Visit, mail: str) -> str:
    visit.go("/org")
    visit.fill("Name of the organization", "Acme Analytics")
    visit.press("Save name")
    visit.fill("E-mail", "grace@acme.example")
    visit.page.get_by_label("Role", exact=True).select_option("member")
    visit.press("Invite")
    visit.says("on its way")
    visit.look("org")
    visit.go("/org/clients")
    visit.look("clients_empty")
    visit.fill("Name", "Warehouse <script>alert(1)</script>")
    visit.page.get_by_label("Redirect addresses, one a line").fill("https://agent.acme.example/back")
    visit.page.get_by_label("It can keep a secret").check()
    visit.press("Register")
    visit.look("client_secret")
    visit.go("/org/clients")
    visit.look("clients")
    visit.page.get_by_role("button", name="Block").first.click()
    visit.says("blocked")
    visit.page.get_by_role("button", name="Delete").first.click()
    visit.says("deleted")
    visit.go("/org/apps")
    visit.look("apps_empty")
    visit.fill("Name", "Deploy bot")
    visit.press("Register")
    visit.look("app_secret")
    visit.go("/org/apps")
    visit.page.get_by_text("Change").click()
    visit.look("apps")
    visit.go("/org/grants")
    visit.page.get_by_text("Set what Member reaches").click()
    visit.page.locator("textarea[id$=-member]").fill("*")
    visit.page.get_by_role("button", name="Save", exact=True).click()
    visit.says("The rule is saved")
    visit.look("grants")
    return mail_link(mail, "/invitations/accept")


def join(visit: Visit, link: str) -> None:
    visit.go(link)
    visit.look("accept")
    visit.press("Join")
    visit.says("You are in")
    visit.page.locator("summary", has_text="Organization:").click()
    visit.look("home_member")
    visit.page.keyboard.press("Escape")
    visit.go("/org")
    visit.look("org_member")
    visit.go("/org/clients")
    visit.says("not allowed")
    visit.look("forbidden")


def in_two(grace: Visit, ada: Visit, mail: str) -> None:
    """Grace asks Ada into the organization that she has of her own, and Ada goes back to hers."""
    grace.go("/")
    grace.page.locator("summary", has_text="Organization:").click()
    grace.page.locator("button:not([aria-current])", has_text="Grace").click()
    grace.go("/org")
    grace.fill("E-mail", "ada@acme.example")
    grace.press("Invite")
    grace.says("on its way")
    ada.go(mail_link(mail, "/invitations/accept"))
    ada.press("Join")
    ada.says("You are in")
    ada.page.locator("summary", has_text="Organization:").click()
    ada.press("Acme Analytics")
    ada.says("another organization")


def authorize(visit: Visit, redirect: str, **more: str) -> str:
    body = {"client_name": "My \u202eMCP client", "redirect_uris": [redirect], "token_endpoint_auth_method": "none"}
    client = post(visit.url + "/register", body, form=False)["client_id"]
    return "/authorize?" + urlencode(
        {
            "response_type": "code",
            "client_id": client,
            "redirect_uri": redirect,
            "state": "s-1",
            "code_challenge": challenge("v" * 43),
            "code_challenge_method": "S256",
            "scope": "mcp:read mcp:call",
            **more,
        }
    )


def consent(visit: Visit, client: str) -> None:
    visit.may_lead_to = {"{0.scheme}://{0.netloc}".format(urlsplit(client))}
    visit.go("/authorize?client_id=nobody&redirect_uri=https://evil.example/")
    visit.says("cannot go on")
    visit.look("authorize_page_error")
    ask = authorize(visit, client)
    visit.go(ask)
    visit.says("Which organization?")
    visit.look("choose_org")
    visit.page.get_by_role("link", name="Acme").click()
    visit.says("Unverified")
    assert "\u202e" not in visit.page.content()
    visit.look("consent")
    visit.press("Deny")
    answer = parse_qs(urlsplit(visit.page.url).query)
    assert answer["error"] == ["access_denied"] and answer["state"] == ["s-1"], visit.page.url
    visit.go(ask)
    visit.page.get_by_role("link", name="Acme").click()
    visit.press("Allow")
    answer = parse_qs(urlsplit(visit.page.url).query)
    assert answer["code"] and answer["iss"] == [visit.url], visit.page.url
    # Signed out, the form of sign-in leads to the client once more: what was agreed to is not asked again.
    token = {
        "grant_type": "authorization_code",
        "code": answer["code"][0],
        "redirect_uri": client,
        "client_id": parse_qs(urlsplit(ask).query)["client_id"][0],
        "code_verifier": "v" * 43,
    }
    assert post(visit.url + "/token", token, form=True)["access_token"]
    visit.go("/profile#clients")
    visit.says("My MCP client")
    visit.look("profile_clients")
    visit.page.locator("summary", has_text="Account:").click()
    visit.press("Sign out")
    visit.says("signed out")
    visit.go(ask + "&" + urlencode({"resource": visit.url + "/mcp/crm"}))
    visit.sign_in("ada@acme.example", PASSWORD)
    visit.page.get_by_role("button", name="Allow").click()
    assert "code=" in visit.page.url, visit.page.url


def device(visit: Visit) -> None:
    asked = {"client_id": "airlock-integrations", "scope": "openid profile email"}
    begun = post(visit.url + "/device_authorization", asked, form=True)
    visit.go("/device")
    visit.look("device")
    visit.fill("Code", "BCDF-GHJK")
    visit.press("Continue")
    assert visit.page.get_by_role("alert").is_visible()
    visit.go("/device?user_code=" + begun["user_code"])
    visit.press("Continue")
    visit.says(begun["user_code"])
    visit.look("device_confirm")
    if visit.page.get_by_role("radio").count():
        visit.page.get_by_role("radio").first.check()
    visit.press("Allow")
    visit.says("Connected")
    visit.look("device_done")
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    ask = {"grant_type": grant, "client_id": asked["client_id"], "device_code": begun["device_code"]}
    assert post(visit.url + "/token", ask, form=True)["refresh_token"]
    visit.go("/profile")
    visit.page.get_by_role("button", name="Disconnect").first.click()
    visit.says("disconnected")


def operator(visit: Visit, token: str) -> None:
    visit.go("/login")
    visit.page.get_by_text("Use the operator token").click()
    visit.page.get_by_label("Operator token").fill("wrong")
    visit.press("Sign in as operator")
    visit.says("This is not the operator token")
    visit.page.get_by_label("Operator token").fill(token)
    visit.press("Sign in as operator")
    visit.look("operator_home")
    visit.go("/orgs")
    visit.look("orgs")
    visit.page.get_by_role("button", name="Acme").click()
    assert "Break-glass" in visit.page.content()
    visit.go("/org")
    visit.fill("E-mail", "edsger@acme.example")
    visit.press("Invite")
    visit.says("/invitations/accept?token=")
    visit.look("invitation_link")
    visit.go("/profile")
    visit.says("not allowed")


def without_scripts(visit: Visit) -> None:
    visit.go("/login")
    visit.sign_in("ada@acme.example", PASSWORD)
    visit.go("/profile")
    visit.fill("Name of a new token", "no script")
    visit.press("Make token")
    visit.says("airpat_")
    visit.go("/org")
    visit.page.locator("#leave-word").fill("something else")
    visit.press("Leave the organization")
    visit.says("nothing was done")
    visit.page.locator("summary", has_text="Account:").click()
    visit.press("Sign out")
    visit.says("signed out")


def another_address(visit: Visit, mail: str) -> None:
    """The old address signs in until the mail to the new one was followed, and no longer."""
    visit.go("/profile")
    visit.page.get_by_text("Change e-mail").click()
    visit.fill("New e-mail", "rear.admiral@acme.example")
    visit.page.locator("#email-password").fill(OTHER)
    visit.press("Send the link")
    visit.says("on its way to the new address")
    visit.says("grace@acme.example")
    link = mail_link(mail, "/email/confirm")
    visit.go(link)
    visit.says("grace@acme.example")
    visit.look("email_confirm")
    visit.press("Use the new address")
    visit.says("Your address is changed")
    visit.says("rear.admiral@acme.example")
    # The link works once.
    visit.go(link)
    visit.press("Use the new address")
    visit.says("Nothing is here")
    visit.look("email_confirm_again")


def no_more_org(visit: Visit, ada: Visit) -> None:
    """Grace deletes the organization of her own; it is gone for Ada, who was in it, as well."""
    visit.go("/org")
    word = visit.page.locator("#delete-word")
    button = visit.page.get_by_role("button", name="Delete the organization")
    assert button.is_disabled()
    word.fill("something else")
    assert button.is_disabled()
    slug = word.get_attribute("data-confirm")
    assert slug and slug != "acme", slug
    word.fill(slug)
    visit.look("org_delete")
    button.click()
    visit.says("The organization is deleted")
    visit.look("org_deleted")
    assert slug not in visit.page.content()
    ada.go("/orgs")
    ada.look("orgs_of_hers")
    ada.says("Acme Analytics")
    assert "Grace" not in ada.page.get_by_role("main").inner_text()


def no_more_account(visit: Visit) -> None:
    visit.go("/profile")
    button = visit.page.get_by_role("button", name="Delete my account")
    assert button.is_disabled()
    visit.page.locator("#delete-password").fill("not the password")
    visit.page.locator("#delete-word").fill("delete my account")
    button.click()
    assert visit.page.get_by_role("alert").is_visible()
    visit.look("account_delete_failed")
    visit.page.locator("#delete-password").fill(OTHER)
    visit.page.locator("#delete-word").fill("delete my account")
    button.click()
    visit.says("Your account is deleted")
    visit.look("account_deleted")
    assert not [c for c in visit.context.cookies() if c["name"] == "__Host-airlock_session"]
    for email in ("rear.admiral@acme.example", "grace@acme.example"):
        visit.sign_in(email, OTHER)
        visit.says("not right")


def walk(visit: Callable[..., Visit], where: dict) -> None:
    mail = where["mail"]
    own(visit())
    grace, ada = visit(), visit()
    before_sign_in(grace, mail)
    ada.go("/login")
    ada.sign_in("ada@acme.example", PASSWORD)
    join(grace, the_org(ada, mail))
    in_two(grace, ada, mail)
    consent(ada, where["client"])
    device(ada)
    operator(visit(), where["operator"])
    without_scripts(visit(scripts=False))
    another_address(grace, mail)
    no_more_org(grace, ada)
    no_more_account(grace)


def main() -> None:
    where = json.loads(sys.argv[1])
    visits: list[Visit] = []
    with chromium() as browser:

        def visit(scripts: bool = True) -> Visit:
            visits.append(Visit(browser, where["url"], where.get("shots"), scripts))
            return visits[-1]

        try:
            walk(visit, where)
        except Exception:
            for at in visits:
                print(at.page.url, at.wrong, file=sys.stderr)
            raise
    print(json.dumps({"seen": [n for v in visits for n in v.seen], "wrong": [w for v in visits for w in v.wrong]}))


if __name__ == "__main__":
    main()
