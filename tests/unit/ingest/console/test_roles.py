"""Groups of a provider as roles in workspaces."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.console.roles import Grant, Role, roles_in_workspaces, scopes_of
from shared.auth import WORKSPACE_SCOPES

GRANTS = {
    "support": Grant(workspace="w1", role=Role.SUPPORT),
    "everybody": Grant(workspace="w1", role=Role.VIEWER),
    "platform": Grant(workspace="w2", role=Role.ADMIN),
}


def test_each_role_may_what_those_before_it_may_and_an_admin_everything() -> None:
    assert all(set(scopes_of(less)) < set(scopes_of(more)) for less, more in pairwise(Role))
    assert scopes_of(Role.ADMIN) == WORKSPACE_SCOPES
    assert "email.send" not in scopes_of(Role.VIEWER)


def test_the_highest_role_in_each_workspace_counts() -> None:
    told = {"groups": ["everybody", "support", "platform", "others"]}
    assert roles_in_workspaces(told, "groups", GRANTS) == {"w1": Role.SUPPORT, "w2": Role.ADMIN}
    assert roles_in_workspaces({"groups": ["support", "everybody"]}, "groups", GRANTS) == {"w1": Role.SUPPORT}


@pytest.mark.parametrize("told", [{}, {"groups": None}, {"groups": {"support": True}}, {"groups": [["support"], 3]}])
def test_what_is_no_list_of_groups_gives_nothing(told: dict[str, Any]) -> None:
    assert roles_in_workspaces(told, "groups", GRANTS) == {}


def test_one_text_is_one_group() -> None:
    assert roles_in_workspaces({"role": "support"}, "role", GRANTS) == {"w1": Role.SUPPORT}


@given(st.lists(st.sampled_from([*GRANTS, "other"])))
def test_nobody_gets_a_role_that_none_of_the_groups_gives(groups: list[str]) -> None:
    given_roles = {(GRANTS[group].workspace, GRANTS[group].role) for group in groups if group in GRANTS}
    assert set(roles_in_workspaces({"groups": groups}, "groups", GRANTS).items()) <= given_roles
