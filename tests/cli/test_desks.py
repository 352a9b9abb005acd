"""What `desks` promises, driven as the real command."""

from tests.cli.running import InProcess


def test_a_desk_from_the_office(configured: InProcess) -> None:
    """Made once, shown, given another keeper; members are invited and removed."""
    said = configured("desks", "show")
    assert (said.status, said.out.startswith("there are no desks yet")) == (0, True)
    create = ("desks", "create", "Desk@Paper.example", "--name", "City desk", "--keeper")
    made = configured(*create, "keeper@paper.example")
    assert (made.status, made.out) == (0, "Desk@paper.example\n")
    assert made.errors == [
        "keeper@paper.example is mailed that they keep this desk, and what that is, "
        "with a link that is good for a day"
    ]
    again = configured(*create, "keeper@paper.example")
    assert (again.status, again.errors) == (2, ["Desk@paper.example is a desk already"])

    given = configured("desks", "keeper", "desk@paper.example", "ed@paper.example")
    assert (given.status, "ed@paper.example is mailed" in given.err) == (0, True)
    invited = configured("desks", "invite", "desk@paper.example", "jo@paper.example")
    assert (invited.status, invited.out) == (0, "")
    assert invited.errors == [
        "jo@paper.example is mailed an invitation, with a link that is good for a week"
    ]
    lately = configured("desks", "invite", "desk@paper.example", "jo@paper.example")
    assert (lately.status, "less than an hour" in lately.errors[0]) == (1, True)
    (desk,) = configured("desks", "show", "--json").json
    (member,) = desk.pop("members")
    assert desk == {
        "address": "Desk@paper.example",
        "name": "City desk",
        "keeper": "ed@paper.example",
        "lists": [],
    }
    assert (member["address"], member["state"]) == ("jo@paper.example", "invited")
    assert "Desk@paper.example  City desk  ed@paper.example  -" in configured("desks", "show").out

    assert configured("desks", "remove", "desk@paper.example", "jo@paper.example").status == 0
    gone = configured("desks", "remove", "desk@paper.example", "jo@paper.example")
    assert (gone.status, len(gone.errors)) == (2, 1)
    assert configured("desks", "show", "--json").json[0]["members"] == []


def test_what_is_wrong_is_said(configured: InProcess) -> None:
    """One plain line each, and status 2."""
    for arguments in (
        ("create", "nobody", "--name", "X", "--keeper", "k@paper.example"),
        ("create", "d@paper.example", "--name", " ", "--keeper", "k@paper.example"),
        ("invite", "none@paper.example", "jo@paper.example"),
        ("invite", "none@paper.example", "jo"),
        ("keeper", "none@paper.example", "jo@paper.example"),
    ):
        ended = configured("desks", *arguments)
        assert (ended.status, len(ended.errors)) == (2, 1)
