// Passkeys are the one thing on these pages that a browser does with a script only. A form with `data-passkey` stays
// hidden without it; with it, the form asks the browser and then sends itself like any other.
(() => {
  'use strict'
  const form = document.querySelector('form[data-passkey]')
  if (!form || !window.PublicKeyCredential) return
  const data = form.dataset
  const failure = form.querySelector('[data-failure]')

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0))
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
  const fill = (fields) => {
    for (const [name, value] of Object.entries(fields)) form.elements.namedItem(name).value = value
  }
  const ids = (list) => list.split(' ').filter(Boolean).map((id) => ({ type: 'public-key', id: bytes(id) }))

  const create = async () => {
    const { response } = await navigator.credentials.create({
      publicKey: {
        challenge: bytes(data.challenge),
        rp: { id: data.rpId, name: data.rpName },
        user: { id: bytes(data.handle), name: data.user, displayName: data.user },
        pubKeyCredParams: data.algorithms.split(' ').map((alg) => ({ type: 'public-key', alg: Number(alg) })),
        excludeCredentials: ids(data.exclude),
        authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
        attestation: 'none',
      },
    })
    const key = response.getPublicKey()
    if (!key) throw new Error('no public key')
    fill({
      client_data: text(response.clientDataJSON),
      authenticator_data: text(response.getAuthenticatorData()),
      public_key: text(key),
      algorithm: response.getPublicKeyAlgorithm(),
    })
  }

  const get = async () => {
    const credential = await navigator.credentials.get({
      publicKey: { challenge: bytes(data.challenge), rpId: data.rpId, allowCredentials: [], userVerification: 'required' },
    })
    const { response } = credential
    fill({
      credential: text(credential.rawId),
      client_data: text(response.clientDataJSON),
      authenticator_data: text(response.authenticatorData),
      signature: text(response.signature),
      user_handle: response.userHandle ? text(response.userHandle) : '',
    })
  }

  const words = {
    NotAllowedError: 'Nothing was done: it was cancelled, or it took too long. You can try again.',
    InvalidStateError: 'This device has a passkey for this account already.',
  }
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    failure.hidden = true
    try {
      await (data.passkey === 'create' ? create() : get())
    } catch (error) {
      failure.textContent = words[error.name] ?? 'This browser could not use a passkey here.'
      failure.hidden = false
      return
    }
    form.submit()
  })
  form.hidden = false
})()
