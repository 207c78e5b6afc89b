-- AWS Signature Version 4 on OpenSSL's libcrypto. Nothing is kept from one request to the next, the day's key included.

local bit = require "bit"
local ffi = require "ffi"
local parse = require("url").parse

ffi.cdef [[
    unsigned char *SHA256(const unsigned char *data, size_t length, unsigned char *digest);
    const void *EVP_sha256(void);
    unsigned char *HMAC(const void *algorithm, const void *key, int key_length, const unsigned char *data,
                        size_t length, unsigned char *digest, unsigned int *digest_length);
]]

local crypto = ffi.C
local digest = ffi.new("unsigned char[32]")
local hex_text = ffi.new("char[64]")
local hex_digits = ffi.new("const char[17]", "0123456789abcdef")
local sha256 = crypto.EVP_sha256()

local _M = {}

local function hex()
    for i = 0, 31 do
        hex_text[2 * i] = hex_digits[bit.rshift(digest[i], 4)]
        hex_text[2 * i + 1] = hex_digits[bit.band(digest[i], 15)]
    end
    return ffi.string(hex_text, 64)
end

local function hash(text)
    crypto.SHA256(text, #text, digest)
    return hex()
end

local function hmac(key, text)
    crypto.HMAC(sha256, key, #key, text, #text, digest, nil)
end

local function derived(key, text)
    hmac(key, text)
    return ffi.string(digest, 32)
end

local function escaped(text, kept)
    return (text:gsub("[^A-Za-z0-9%-._~" .. kept .. "]", function(sign)
        return ("%%%02X"):format(sign:byte())
    end))
end

local function canonical_query(arguments)
    local pairs_of = {}
    for name, value in pairs(arguments) do
        for _, each in ipairs(type(value) == "table" and value or { value }) do
            pairs_of[#pairs_of + 1] = escaped(name, "") .. "=" .. (each == true and "" or escaped(each, ""))
        end
    end
    table.sort(pairs_of)
    return table.concat(pairs_of, "&")
end

-- Return the block of headers that are signed, and their names.
local function canonical_headers(headers)
    local names, lines = {}, {}
    for name in pairs(headers) do
        names[#names + 1] = name
    end
    table.sort(names)
    for index, name in ipairs(names) do
        local value = headers[name]
        lines[index] = name .. ":" .. (type(value) == "table" and table.concat(value, ",") or value) .. "\n"
    end
    return table.concat(lines), table.concat(names, ";")
end

-- Add what AWS wants to see to the headers, whose names are in small letters.
function _M.sign(request, iam, function_uri)
    local headers, url = request.headers, parse(function_uri)
    headers["host"] = url.host .. ":" .. url.port
    local stamp = os.date("!%Y%m%dT%H%M%SZ", ngx.time())
    local day = stamp:sub(1, 8)
    headers["x-amz-date"] = stamp
    local block, names = canonical_headers(headers)
    local canonical = table.concat({
        request.method, escaped(request.path, "/"), canonical_query(request.query), block, names,
        hash(request.body or ""),
    }, "\n")
    local scope = table.concat({ day, iam.region, iam.service, "aws4_request" }, "/")
    local text = table.concat({ "AWS4-HMAC-SHA256", stamp, scope, hash(canonical) }, "\n")
    local key = derived(derived(derived(derived("AWS4" .. iam.secret_key, day), iam.region), iam.service), "aws4_request")
    hmac(key, text)
    headers["authorization"] = "AWS4-HMAC-SHA256 Credential=" .. iam.access_key .. "/" .. scope
        .. ", SignedHeaders=" .. names .. ", Signature=" .. hex()
end

return _M
