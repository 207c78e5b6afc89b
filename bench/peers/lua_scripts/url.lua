-- A URL in its parts, which are taken off one after another; each segment of its path is decoded and encoded again.

local _M = {}

local PORTS = { http = 80, https = 443 }

local function encoded(text)
    return (text:gsub("[^A-Za-z0-9%-._~!$&'()*+,;=:@]", function(sign)
        return ("%%%02X"):format(sign:byte())
    end))
end

local function decoded(text)
    return (text:gsub("%%(%x%x)", function(digits)
        return string.char(tonumber(digits, 16))
    end))
end

-- Take the authority into parts: userinfo, host and port.
local function take_authority(parts, text)
    text = text:gsub("^([^@]*)@", function(userinfo)
        parts.userinfo = userinfo
        return ""
    end)
    text = text:gsub(":(%d+)$", function(port)
        parts.port = tonumber(port)
        return ""
    end)
    parts.host = text:lower()
end

-- Return the parts of a URL: scheme, host, port, path and query.
function _M.parse(url)
    local parts = {}
    url = url:gsub("#(.*)$", function(fragment)
        parts.fragment = fragment
        return ""
    end)
    url = url:gsub("^(%a[%w+.-]*):", function(scheme)
        parts.scheme = scheme:lower()
        return ""
    end)
    url = url:gsub("%?(.*)$", function(query)
        parts.query = query
        return ""
    end)
    url = url:gsub("^//([^/]*)", function(authority)
        take_authority(parts, authority)
        return ""
    end)
    parts.port = parts.port or PORTS[parts.scheme]
    parts.path = url:gsub("([^/]+)", function(segment)
        return encoded(decoded(segment))
    end)
    return parts
end

return _M
