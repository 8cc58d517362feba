"""Limiters and decisions as Python sees them."""

from __future__ import annotations

import pytest
from tidegate import (
    ArgumentError,
    ConfigError,
    ConflictError,
    Engine,
    Limiter,
    NotFoundError,
    RangeError,
    StaleError,
    key_bytes,
)
from tidegate.engine import KeyPart


@pytest.fixture
def keyed(engine: Engine) -> Limiter:
    return engine.limiter(
        "keyed", algorithm="sliding_window", limit=2, window_seconds=60, keyed=True
    )


def test_a_decision_is_truthy_until_the_limit(engine: Engine) -> None:
    limiter = engine.limiter("api", algorithm="token_bucket", rate_per_second=10, burst=3)
    decisions = [limiter.check() for _ in range(4)]
    assert [bool(decision) for decision in decisions] == [True, True, True, False]
    assert [decision.remaining for decision in decisions] == [2, 1, 0, 0]
    denied = decisions[-1]
    assert denied.admitted is False
    assert denied.limit == 3
    assert denied.retry_after == pytest.approx(0.1)
    assert denied.retry_after_ns == 100_000_000
    assert denied.reset_after == pytest.approx(0.3)
    assert decisions[0].retry_after == 0.0
    assert repr(denied) == "<tidegate.Decision denied: 0 of 3 left>"


def test_after_the_wait_that_was_named_it_passes(engine: Engine) -> None:
    limiter = engine.limiter("api", algorithm="token_bucket", rate_per_second=3, burst=1)
    assert limiter.check()
    wait = limiter.check().retry_after_ns
    engine._advance_ns(wait - 1)
    assert not limiter.check()
    engine._advance_ns(1)
    assert limiter.check()


def test_cost_is_taken_at_once(engine: Engine) -> None:
    limiter = engine.limiter("api", algorithm="token_bucket", rate_per_second=1, burst=10)
    assert limiter.check(cost=7).remaining == 3
    assert not limiter.check(cost=4)
    assert limiter.check(cost=3)


def test_impossible_costs_are_refused(engine: Engine) -> None:
    limiter = engine.limiter("api", algorithm="token_bucket", rate_per_second=1, burst=10)
    with pytest.raises(RangeError):
        limiter.check(cost=11)
    with pytest.raises(ArgumentError):
        limiter.check(cost=0)
    for cost in (-1, 2**32):
        with pytest.raises(ValueError, match="cost is from 0"):
            limiter.check(cost=cost)
    for wrong in (1.0, "1", None, True):
        with pytest.raises(TypeError, match="cost is a whole number"):
            limiter.check(cost=wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not price"):
        limiter.check(price=1)  # type: ignore[call-arg]
    assert limiter.check(cost=10)


def test_keys_have_limits_of_their_own(keyed: Limiter) -> None:
    assert keyed.check("ann") and keyed.check("ann") and not keyed.check("ann")
    assert keyed.check("bob")
    assert keyed.check("")


def test_a_key_is_the_same_as_text_bytes_or_number(keyed: Limiter) -> None:
    assert keyed.check("7")
    assert keyed.check(b"7")
    assert not keyed.check(7)


@pytest.mark.parametrize(
    ("parts", "key"),
    [
        (("ann",), b"ann"),
        (("ä€",), "ä€".encode()),
        ((b"\xff\xfe\0",), b"\xff\xfe\0"),
        ((-12,), b"-12"),
        ((2**70,), b"1180591620717411303424"),
        (("a", "b"), b"a\xffb"),
        (("a", 1, b"x"), b"a\xff1\xffx"),
        (("", ""), b"\xff"),
        (("a", b"\xfe\xff"), b"a\xff\xfe\x00\xfe\x01"),
        (("x" * 300, 2**70), b"x" * 300 + b"\xff1180591620717411303424"),
    ],
)
def test_parts_join_as_in_every_language(parts: tuple[KeyPart, ...], key: bytes) -> None:
    assert key_bytes(*parts) == key


def test_different_parts_never_give_the_same_key() -> None:
    tricky = [b"", b"\xff", b"\xfe", b"\xfe\x01", b"\xfe\x00", b"a", b"a\xff", b"\xffa", b"\x01"]
    keys = {key_bytes(a, b) for a in tricky for b in tricky}
    keys |= {key_bytes(a, b, c) for a in tricky for b in tricky for c in tricky}
    assert len(keys) == len(tricky) ** 2 + len(tricky) ** 3


@pytest.mark.parametrize("part", [None, 1.5, True, ["a"], ("a",), object(), bytearray(b"x")])
def test_other_types_are_no_part_of_a_key(keyed: Limiter, part: object) -> None:
    with pytest.raises(TypeError, match="a part of a key is str, bytes or int, not"):
        keyed.check(part)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a part of a key is str, bytes or int, not"):
        keyed.check("a", part)  # type: ignore[arg-type]


def test_a_key_must_be_where_one_belongs(engine: Engine, keyed: Limiter) -> None:
    plain = engine.limiter("plain", preset="standard")
    with pytest.raises(ArgumentError):
        plain.check("ann")
    with pytest.raises(ArgumentError):
        keyed.check()


def test_limiters_open_by_name() -> None:
    config = {"clock": "manual", "limiters": {"login": {"preset": "auth", "keyed": True}}}
    with Engine(config) as engine:
        login = engine.limiter("login")
        assert login.check("ann").remaining == 4
        assert engine.limiter("login", {"preset": "auth", "keyed": True}).check("ann")
        assert engine.allow("login", "ann")
        assert engine.allow("login", "ann", 2)
        with pytest.raises(NotFoundError) as caught:
            engine.limiter("logon")
        assert isinstance(caught.value, LookupError)
        with pytest.raises(NotFoundError):
            engine.allow("logon")
        with pytest.raises(ConflictError):
            engine.limiter("login", preset="strict")
        with pytest.raises(ConfigError, match="algorithm"):
            engine.limiter("other", limit=5)
        with pytest.raises(TypeError, match="not both"):
            engine.limiter("other", {"preset": "auth"}, keyed=True)


def test_decisions_outlive_their_limiter(engine: Engine) -> None:
    limiter = engine.limiter("api", preset="strict")
    kept = [limiter.check() for _ in range(100)]
    del limiter
    engine.close()
    assert sum(map(bool, kept)) == 10
    assert kept[0].remaining == 9


def test_looking_reserving_and_giving_back(engine: Engine) -> None:
    limiter = engine.limiter("api", algorithm="token_bucket", rate_per_second=10, burst=2)
    assert limiter.peek(cost=2) and limiter.peek(cost=2)
    assert [limiter.reserve() for _ in range(3)] == pytest.approx([0.0, 0.0, 0.1])
    assert limiter.reserve(max_wait=0.1) is None
    limiter.refund()
    limiter.refund()
    assert limiter.check()
    limiter.penalize(cost=2)
    assert not limiter.check()
    for wrong in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="max_wait is a number of seconds"):
            limiter.reserve(max_wait=wrong)
    with pytest.raises(TypeError, match="no keyword price"):
        limiter.peek(price=1)  # type: ignore[call-arg]


def test_blocked_and_listed_keys(engine: Engine, keyed: Limiter) -> None:
    keyed.block("user", 1, seconds=5)
    denied = keyed.check("user", 1)
    assert not denied and denied.retry_after == pytest.approx(5.0)
    keyed.block("user", 1, seconds=0)
    assert keyed.check("user", 1)
    keyed.set_list("vip", to="allow")
    assert all(keyed.check("vip") for _ in range(10))
    keyed.set_list("bot", to="deny")
    assert not keyed.check("bot")
    keyed.set_list("bot", to="none")
    assert keyed.check("bot")
    with pytest.raises(ValueError, match="set_list takes"):
        keyed.set_list("bot", to="block")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="block takes"):
        keyed.block("bot")  # type: ignore[call-arg]


def test_several_limits_as_one(engine: Engine, keyed: Limiter) -> None:
    total = engine.limiter("total", algorithm="sliding_window", limit=3, window_seconds=60)
    assert engine.check_all((keyed, "ann"), (total,))
    assert engine.check_all((keyed, "ann"), (total,))
    assert not engine.check_all((keyed, "ann"), (total,))
    assert total.peek().remaining >= 0 and total.check()
    assert not engine.check_all((keyed, "bob"), (total,))
    assert keyed.check("bob") and keyed.check("bob")
    with Engine() as other, pytest.raises(StaleError, match="another engine"):
        engine.check_all((other.limiter("x", preset="api"),))
    with pytest.raises(TypeError, match="a request is a limiter"):
        engine.check_all(("x",))
    with pytest.raises(ValueError, match="from 1 to 16"):
        engine.check_all()


def test_http_fields_of_a_decision(keyed: Limiter) -> None:
    names = [name.lower() for name, _ in keyed.check("ann").headers()]
    assert names == ["ratelimit-policy", "ratelimit"]
    keyed.check("ann")
    denied = keyed.check("ann")
    fields = {name.lower(): value for name, value in denied.headers("legacy")}
    assert fields["retry-after"] == "60"
    assert fields["x-ratelimit-remaining"] == "0"
    assert "429" in denied.problem()
    with pytest.raises(ValueError, match="style is"):
        denied.headers("newest")  # type: ignore[arg-type]


def test_a_key_is_put_on_a_plan(engine: Engine) -> None:
    api = engine.limiter(
        "api",
        algorithm="token_bucket",
        rate_per_second=1,
        burst=1,
        keyed=True,
        plans={"pro": {"algorithm": "token_bucket", "rate_per_second": 1, "burst": 5}},
    )
    api.set_plan("acme", 7, plan="pro")
    assert [bool(api.check("acme", 7)) for _ in range(6)] == [True] * 5 + [False]
    assert [bool(api.check("acme", 8)) for _ in range(2)] == [True, False]
    api.set_plan("acme", 7, plan=None)
    assert api.check("acme", 7).limit == 1
    with pytest.raises(NotFoundError):
        api.set_plan("acme", plan="none")
    for plan in (7, b"pro"):
        with pytest.raises(TypeError, match="plan is a str or None"):
            api.set_plan("acme", plan=plan)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="and plan"):
        api.set_plan("acme")  # type: ignore[call-arg]


def test_the_keys_that_use_most_are_told(engine: Engine) -> None:
    api = engine.limiter("api", preset="auth", keyed=True, record_keys="plain")
    for _ in range(7):
        api.check("ann")
    api.check("bob")
    used, denied = api.top(), api.top(1, by="denied")
    assert [(key["key"], key["used"]) for key in used] == [("ann", 5), ("bob", 1)]
    assert [(key["key"], key["denied"]) for key in denied] == [("ann", 2)]
    with pytest.raises(ValueError, match='"used" or "denied"'):
        api.top(by="name")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError):
        api.top(0)
    with pytest.raises(ArgumentError):
        engine.limiter("other", preset="auth", keyed=True).top()


def test_a_limiter_gets_new_numbers(engine: Engine) -> None:
    api = engine.limiter("api", algorithm="token_bucket", rate_per_second=1, burst=2)
    assert [bool(api.check()) for _ in range(3)] == [True, True, False]
    api.reconfigure(algorithm="token_bucket", rate_per_second=1, burst=3)
    assert [bool(api.check()) for _ in range(2)] == [True, False]
    api.reconfigure({"algorithm": "token_bucket", "rate_per_second": 1, "burst": 2})
    assert engine.limiter("api", algorithm="token_bucket", rate_per_second=1, burst=2)
    with pytest.raises(ConflictError):
        api.reconfigure(preset="auth")
    with pytest.raises(ConfigError, match="brst"):
        api.reconfigure(algorithm="token_bucket", rate_per_second=1, brst=3)
    with pytest.raises(TypeError, match="the whole new configuration"):
        api.reconfigure()
    with pytest.raises(TypeError, match="not both"):
        api.reconfigure({}, burst=3)
