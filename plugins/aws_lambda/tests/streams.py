"""Functions that stream, in both languages: they say who they are, begin, wait to be let go on, and `then` do as they are told."""

PYTHON = """
    import os, time

    def handler(event, context):
        open({pid!r}, "w").write(str(os.getpid()))
        yield {{"statusCode": 203, "headers": {{"content-type": "text/plain", "x-a": "1"}}, "cookies": ["a=1", "b=2"]}}
        yield "first"
        while not os.path.exists({go!r}):
            time.sleep(0.01)
        {then}
"""
NODE = """
    import {{ once }} from 'node:events';
    import {{ existsSync, writeFileSync }} from 'node:fs';
    import {{ setTimeout }} from 'node:timers/promises';

    export const handler = awslambda.streamifyResponse(async (event, stream) => {{
        writeFileSync({pid!r}, String(process.pid));
        const head = {{ statusCode: 203, headers: {{ 'content-type': 'text/plain', 'x-a': '1' }}, cookies: ['a=1', 'b=2'] }};
        const body = awslambda.HttpResponseStream.from(stream, head);
        body.write('first');
        while (!existsSync({go!r})) await setTimeout(10);
        {then}
    }});
"""
ENDS = {"python": "yield 'last'", "node": "body.end('last')"}
RAISES = {"python": "raise ValueError('no')", "node": "throw new Error('no')"}
