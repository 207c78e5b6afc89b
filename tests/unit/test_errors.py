import inspect
import pickle
import re

from phasegate import ConfigError, Finding, FunctionFailed, RequestError, errors


def every_request_error() -> list[type[RequestError]]:
    return [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, RequestError)]


def test_every_request_error_has_a_status_and_a_code_of_its_own() -> None:
    classes = [cls for cls in every_request_error() if cls is not RequestError]
    codes = [cls.code for cls in classes]
    assert len(set(codes)) == len(codes)
    assert all(400 <= cls.status < 600 for cls in classes)


def test_the_tree_at_the_top_of_the_module_is_complete() -> None:
    drawn = errors.__doc__ or ""
    assert all(cls.__name__ in drawn for cls in every_request_error())
    assert all(
        re.search(rf"{cls.__name__} +{cls.status} ", drawn) for cls in every_request_error() if cls is not RequestError
    )


def test_titles_are_the_status_in_words() -> None:
    assert errors.RouteNotFound("x").title == "Not Found"
    assert errors.ClientClosed("x").title == "Client Closed Request"


def test_a_status_without_words_has_those_of_its_class() -> None:
    assert FunctionFailed("x", status=460).title == "Client Error"
    assert FunctionFailed("x", status=599).title == "Server Error"


def test_a_function_failure_is_what_its_plugin_says() -> None:
    error = FunctionFailed("why", status=504, code="function_timeout")
    assert (error.status, error.code, str(error)) == (504, "function_timeout", "why")
    assert (FunctionFailed("why").status, FunctionFailed("why").code) == (502, "function_error")


def test_a_configuration_error_lists_everything_with_its_source() -> None:
    error = ConfigError([Finding("a", "is wrong"), Finding("", "is empty")]).of("conf/routes.yaml")
    assert str(error) == "conf/routes.yaml: a: is wrong\nconf/routes.yaml: is empty"
    assert str(error.of("elsewhere")) == str(error)


def test_findings_are_put_under_a_prefix() -> None:
    assert Finding("b", "m").under("a") == Finding("a.b", "m")
    assert Finding("[0]", "m").under("a") == Finding("a[0]", "m")
    assert Finding("", "m").under("a") == Finding("a", "m")


def test_a_configuration_error_survives_the_way_between_processes() -> None:
    error = pickle.loads(pickle.dumps(ConfigError([Finding("a", "m")], "s")))
    assert (error.findings, error.source) == ((Finding("a", "m"),), "s")
