import botocore.session
import pytest

from phasegate import Secret
from phasegate_aws_lambda.authorization import Iam
from phasegate_aws_lambda.endpoint import Endpoint, endpoint_of
from phasegate_aws_lambda.invoke_fields import InvokeFields


@pytest.mark.parametrize(
    ("host", "endpoint"),
    [
        ("x9w6z07gb9.execute-api.us-east-1.amazonaws.com", Endpoint("us-east-1", "execute-api")),
        ("x9w6z07gb9-vpce-0a1b.execute-api.eu-central-1.amazonaws.com", Endpoint("eu-central-1", "execute-api")),
        ("vpce-0a1b-xyz.execute-api.us-west-2.vpce.amazonaws.com", Endpoint("us-west-2", "execute-api")),
        ("id.execute-api.cn-north-1.amazonaws.com.cn", Endpoint("cn-north-1", "execute-api")),
        ("id.execute-api.eusc-de-east-1.amazonaws.eu", Endpoint("eusc-de-east-1", "execute-api")),
        ("id.execute-api.us-gov-west-1.amazonaws.com", Endpoint("us-gov-west-1", "execute-api")),
        ("abcdef.lambda-url.ap-southeast-2.on.aws", Endpoint("ap-southeast-2", "lambda")),
        ("lambda.us-east-2.amazonaws.com", Endpoint("us-east-2", "lambda")),
        ("lambda.local.amazonaws.com", Endpoint("local", "lambda")),
        ("lambda-fips.us-east-2.amazonaws.com", Endpoint("us-east-2", "lambda")),
        ("lambda.us-east-2.api.aws", Endpoint("us-east-2", "lambda")),
        ("arn:aws:lambda:eu-west-3:123456789012:function:orders:live", Endpoint("eu-west-3", "lambda")),
        ("arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:orders", Endpoint("us-gov-west-1", "lambda")),
        ("sts.eu-west-1.amazonaws.com", Endpoint("eu-west-1", "sts")),
        ("vpce-0a1b.sts.eu-west-1.vpce.amazonaws.com", Endpoint("eu-west-1", "sts")),
        ("LAMBDA.US-EAST-2.amazonaws.com", Endpoint("us-east-2", "lambda")),
    ],
)
def test_a_host_of_aws_names_region_and_service(host: str, endpoint: Endpoint) -> None:
    assert endpoint_of(host) == endpoint


SESSION = botocore.session.Session()


@pytest.mark.parametrize("partition", SESSION.get_available_partitions())
def test_every_partition_has_the_api_that_botocore_calls(partition: str) -> None:
    region = SESSION.get_available_regions("lambda", partition)[0]
    client = SESSION.create_client("lambda", region_name=region, aws_access_key_id="a", aws_secret_access_key="b")
    host = InvokeFields().api_host(region)
    assert client.meta.endpoint_url == f"https://{host}"
    assert endpoint_of(host) == Endpoint(region, "lambda")


@pytest.mark.parametrize(
    "host",
    [
        "api.example.com",
        "127.0.0.1",
        "x.execute-api.us-east-1.amazonaws.com.evil.test",
        "execute-api.us-east-1.amazonaws.com",
    ],
)
def test_other_hosts_name_nothing(host: str) -> None:
    assert endpoint_of(host) is None


def iam(**fields: str) -> Iam:
    return Iam(accesskey=Secret("A"), secretkey=Secret("s"), **fields)  # type: ignore[arg-type]


def test_what_is_configured_goes_before_what_the_host_says_before_the_defaults() -> None:
    host = "abcdef.lambda-url.eu-west-1.on.aws"
    assert iam().endpoint(host) == Endpoint("eu-west-1", "lambda")
    assert iam(aws_region="us-east-2").endpoint(host) == Endpoint("us-east-2", "lambda")
    assert iam(service="vpc-lattice-svcs").endpoint("api.example.com") == Endpoint("us-east-1", "vpc-lattice-svcs")
    assert iam().endpoint("api.example.com") == Endpoint("us-east-1", "execute-api")
