// What a handler gets as its second argument, or its third where it streams.
//
// See https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html. As there, `memoryLimitInMB` is text.

import process from 'node:process';

export function contextOf(message) {
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: message.client_context ?? undefined,
    identity: undefined,
    invokedFunctionArn: message.arn,
    awsRequestId: message.request_id,
    getRemainingTimeInMillis: () => Math.max(0, message.deadline_ms - Date.now()),
  };
}
