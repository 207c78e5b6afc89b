-- Header fields whose names are found in any spelling, and kept in that of their first use.

local _M = {}

function _M.new()
    local spelt = {}
    return setmetatable({}, {
        __index = function(fields, name)
            return rawget(fields, spelt[name:lower()])
        end,
        __newindex = function(fields, name, value)
            local key = name:lower()
            if not spelt[key] then
                spelt[key] = name
            end
            rawset(fields, spelt[key], value)
        end,
    })
end

return _M
