"""AWS Lambda behind Phasegate: the `aws-lambda` plugin, and a local Lambda to try it with."""
