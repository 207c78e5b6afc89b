-- A function behind nginx: each request is read whole, gets a key or a signature, is sent anew, and its answer copied.

local client = require "client"
local sigv4 = require "sigv4"
local parse = require("url").parse

local _M = {}

local HOP_BY_HOP = { "Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade" }

local function body_of_request()
    ngx.req.read_body()
    local body = ngx.req.get_body_data()
    local name = not body and ngx.req.get_body_file()
    if not name then
        return body
    end
    local file = assert(io.open(name, "rb"))
    body = file:read("*a")
    file:close()
    return body
end

local function request_of(configuration)
    local url = parse(configuration.function_uri)
    local headers = ngx.req.get_headers(0)
    headers["host"] = url.host .. ":" .. url.port
    headers["connection"] = nil
    return {
        method = ngx.req.get_method(),
        path = url.path,
        query = ngx.req.get_uri_args(0),
        headers = headers,
        body = body_of_request(),
    }
end

-- Answer the request that nginx is at: with `apikey`, or with a signature by `iam`.
function _M.answer(configuration)
    local request, authorization = request_of(configuration), configuration.authorization
    if authorization.apikey then
        request.headers["x-api-key"] = authorization.apikey
    else
        sigv4.sign(request, authorization.iam, configuration.function_uri)
    end
    local status, headers, body = client.call(configuration.function_uri, request, configuration)
    if not status then
        ngx.log(ngx.ERR, "the function failed: ", headers)
        return ngx.exit(503)
    end
    for _, name in ipairs(HOP_BY_HOP) do
        headers[name] = nil
    end
    ngx.status = status
    for name, value in pairs(headers) do
        ngx.header[name] = value
    end
    ngx.print(body)
end

return _M
