-- An HTTP/1.1 client on nginx's sockets, with kept connections, that takes the steps of the one that APISIX calls: the
-- URL is taken apart by a pattern, the pool has a name made of everything that tells connections apart, header fields
-- go through a table that knows every spelling, head and body are sent one after the other, each line of the answer is
-- matched, and its body comes out of a coroutine.

local fields = require "headers"

local _M = {}

local URL = [[^(https?)://([^:/]+)(?::(\d+))?([^?]*)]]
local FIELD = [[^([^:\s]+):\s*(.*)$]]
local BLANK = [[^\s*$]]

-- Return scheme, host, port and path of a URL.
function _M.parsed(url)
    local found = ngx.re.match(url, URL, "jo")
    if not found then
        return nil, "no URL: " .. url
    end
    local port = tonumber(found[3]) or (found[1] == "https" and 443 or 80)
    return { scheme = found[1], host = found[2], port = port, path = found[4] == "" and "/" or found[4] }
end

local function connected(url, options)
    local sock = ngx.socket.tcp()
    sock:settimeout(options.timeout)
    local tls = url.scheme == "https"
    local pool = url.scheme .. ":" .. url.host .. ":" .. tostring(url.port) .. ":" .. tostring(options.ssl_verify)
    local fine, failure = sock:connect(url.host, url.port, { pool = pool, pool_size = options.keepalive_pool })
    if fine and tls and sock:getreusedtimes() == 0 then
        fine, failure = sock:sslhandshake(nil, options.ssl_server_name, options.ssl_verify)
    end
    return fine and sock, failure
end

local function head_of(request, url)
    local headers = fields.new()
    for name, value in pairs(request.headers) do
        headers[name] = value
    end
    if request.body and not headers["Content-Length"] then
        headers["Content-Length"] = #request.body
    end
    if not headers["Host"] then
        headers["Host"] = url.host .. ":" .. url.port
    end
    local query = ngx.encode_args(request.query)
    local lines = { request.method:upper(), " ", request.path, query == "" and "" or "?" .. query, " HTTP/1.1\r\n" }
    for name, values in pairs(headers) do
        for _, value in ipairs(type(values) == "table" and values or { values }) do
            lines[#lines + 1] = name .. ": " .. tostring(value) .. "\r\n"
        end
    end
    lines[#lines + 1] = "\r\n"
    return table.concat(lines)
end

local function sent(sock, request, url)
    local fine, failure = sock:send(head_of(request, url))
    if fine and request.body then
        fine, failure = sock:send(request.body)
    end
    return fine, failure
end

local function receive_fields(sock)
    local headers = fields.new()
    repeat
        local line, failure = sock:receive("*l")
        if not line then
            return nil, failure
        end
        local found = ngx.re.match(line, FIELD, "jo")
        if not found then
            break
        end
        local name, value = found[1], found[2]
        local former = headers[name]
        headers[name] = former and former .. ", " .. value or value
    until ngx.re.find(line, BLANK, "jo")
    return headers
end

local function receive_head(sock)
    local line, failure = sock:receive("*l")
    local status = line and tonumber(line:sub(10, 12))
    if not status then
        return nil, failure or "no HTTP: " .. line
    end
    local headers
    headers, failure = receive_fields(sock)
    return headers and status, headers or failure
end

local function chunks(sock)
    while true do
        local line, failure = sock:receive("*l")
        local size = line and tonumber(line, 16)
        if not size then
            return coroutine.yield(nil, failure or "no chunk: " .. line)
        end
        local block = size > 0 and sock:receive(size)
        sock:receive(2)
        if size == 0 then
            return nil
        end
        coroutine.yield(block)
    end
end

local function reader(sock, method, status, headers)
    if method == "HEAD" or status == 204 or status == 304 then
        return nil
    end
    if headers["Transfer-Encoding"] == "chunked" then
        return coroutine.wrap(function() return chunks(sock) end)
    end
    local length = tonumber(headers["Content-Length"])
    return coroutine.wrap(function()
        coroutine.yield(sock:receive(length or "*a"))
        return nil
    end)
end

local function receive_body(next_block)
    local blocks = {}
    while next_block do
        local block, failure = next_block()
        if failure then
            return nil, failure
        elseif not block then
            break
        end
        blocks[#blocks + 1] = block
    end
    return table.concat(blocks)
end

-- Send a request to a URL; return status, headers and body, or nil and what went wrong.
function _M.call(to, request, options)
    local url, sock, fine, failure
    url, failure = _M.parsed(to)
    if not url then
        return nil, failure
    end
    sock, failure = connected(url, options)
    if not sock then
        return nil, failure
    end
    fine, failure = sent(sock, request, url)
    if not fine then
        return nil, failure
    end
    local status, headers = receive_head(sock)
    if not status then
        return nil, headers
    end
    local body
    body, failure = receive_body(reader(sock, request.method, status, headers))
    if not body then
        return nil, failure
    end
    if headers["Connection"] == "close" then
        sock:close()
    else
        sock:setkeepalive(options.keepalive_timeout, options.keepalive_pool)
    end
    return status, headers, body
end

return _M
