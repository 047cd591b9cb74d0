package hub

// The examples that the Hub's docs give.

const samplePullRequest = `{"event":{"action":"create","scope":"discussion"},
 "repo":{"type":"model","name":"openai-community/gpt2","id":"621ffdc036468d709f17434d","private":false,
  "url":{"web":"https://huggingface.co/openai-community/gpt2","api":"https://huggingface.co/api/models/openai-community/gpt2"},
  "owner":{"id":"628b753283ef59b5be89e937"}},
 "discussion":{"id":"6399f58518721fdd27fc9ca9","title":"Update co2 emissions",
  "url":{"web":"https://huggingface.co/openai-community/gpt2/discussions/19",
         "api":"https://huggingface.co/api/models/openai-community/gpt2/discussions/19"},
  "status":"open","author":{"id":"61d2f90c3c2083e1c08af22d"},"num":19,"isPullRequest":true,"changes":{"base":"refs/heads/main"}},
 "comment":{"id":"6399f58518721fdd27fc9caa","author":{"id":"61d2f90c3c2083e1c08af22d"},
  "content":"Add co2 emissions information to the model card","hidden":false,
  "url":{"web":"https://huggingface.co/openai-community/gpt2/discussions/19#6399f58518721fdd27fc9caa"}},
 "webhook":{"id":"6390e855e30d9209411de93b","version":3}}`

const sampleNewRef = `{"event":{"action":"update","scope":"repo.content"},
 "repo":{"type":"space","name":"Wauplin/gradio-user-history","id":"651311c46de9c503f3f34a9e","private":false,
  "subdomain":"wauplin-gradio-user-history",
  "url":{"web":"https://huggingface.co/spaces/Wauplin/gradio-user-history","api":"https://huggingface.co/api/spaces/Wauplin/gradio-user-history"},
  "headSha":"5e7f29fffcc579cb52539fddb14a1a4f85f39e44","owner":{"id":"6273f303f6d63a28483fde12"}},
 "webhook":{"id":"65a14fd933eca76f4639fc84","version":3},
 "updatedRefs":[{"ref":"refs/pr/5","oldSha":null,"newSha":"227c78346870a85e5de4fff8a585db68df975406"}]}`

const sampleBucket = `{"event":{"action":"update","scope":"repo.content"},
 "repo":{"type":"bucket","name":"some-user/some-bucket","id":"6366c000a2abcdf2fd69a080","private":false,
  "url":{"web":"https://huggingface.co/buckets/some-user/some-bucket","api":"https://huggingface.co/api/buckets/some-user/some-bucket"},
  "owner":{"id":"61d2000c3c2083e1c08af22d"}},
 "updatedFiles":[{"path":"data/train.txt","action":"add","xetHash":"55faef2f2f80cd1a087c35b729f228960739441d38073cd5aa4320751e137166","size":20},
  {"path":"data/old.txt","action":"delete"}],
 "updatedFilesTruncated":true,"webhook":{"id":"6390e855e30d9209411de93b","version":3}}`

// sampleRest has the parts that the docs show without a whole body.
const sampleRest = `{"event":{"action":"move","scope":"repo"},
 "repo":{"type":"dataset","name":"me/d","id":"6366c000a2abcdf2fd69a080","private":true,
  "url":{"web":"https://huggingface.co/datasets/me/d","api":"https://huggingface.co/api/datasets/me/d"},
  "owner":{"id":"61d2000c3c2083e1c08af22d"},"tags":["a","b"]},
 "updatedRefs":[{"ref":"refs/heads/main","oldSha":"ce9a4674fa833a68d5a73ec355f0ea95eedd60b7","newSha":"575db8b7a51b6f85eb06eee540738584589f131c"},
  {"ref":"refs/tags/test","oldSha":null,"newSha":"575db8b7a51b6f85eb06eee540738584589f131c"}],
 "updatedConfig":{"private":false},"movedTo":{"name":"new-owner/new-name","owner":{"id":"61d2000c3c2083e1c08af22e"}},
 "webhook":{"id":"6390e855e30d9209411de93b","version":3}}`
