-- What wrk sends to includes/api.php, three creates and a list in turn, and what it keeps of the answers: each create's
-- as a line of its thread's file, and anything that is neither as a line that begins with its status.
-- Arguments: the fields of the login, and the folder of the files.

local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set('number', threads)
end

function init(arguments)
  file = io.open(arguments[2] .. '/answers.' .. number, 'w')
  local fields = arguments[1] .. '&responsetype=json&action='
  local headers = { ['Content-Type'] = 'application/x-www-form-urlencoded' }
  local create = 'CreateOAuthCredential&grantType=authorization_code&name=Load&scope=clientarea:sso+clientarea:invoices'
  create = wrk.format('POST', nil, headers, fields .. create)
  local list = wrk.format('POST', nil, headers, fields .. 'ListOAuthCredentials&limit=5')
  requests = { create, create, create, list }
end

local count = 0

function request()
  count = count + 1
  return requests[count % 4 + 1]
end

function response(status, headers, body)
  if status ~= 200 then
    file:write(status, ' ', body:gsub('%s+', ' '), '\n')
  elseif body:find('{"result":"success","credentialId":', 1, true) == 1 then
    file:write(body, '\n')
  elseif body:find('{"result":"success","clients":[', 1, true) ~= 1 or body:sub(-2) ~= ']}' then
    file:write(status, ' ', body:gsub('%s+', ' '), '\n')
  end
  file:flush()
end
