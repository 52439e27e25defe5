// Asks the authenticator, and sends its answer with the form of the page.

const form = document.querySelector("[data-passkey]");
const trouble = document.getElementById("passkey-trouble");

async function ask() {
  const options = JSON.parse(form.dataset.options);
  if (form.dataset.passkey === "create") {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    return navigator.credentials.create({ publicKey });
  }
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return navigator.credentials.get({ publicKey });
}

form.addEventListener("submit", async (event) => {
  if (form.elements.credential.value) return;
  event.preventDefault();
  trouble.hidden = true;
  try {
    const credential = await ask();
    form.elements.credential.value = JSON.stringify(credential.toJSON());
    form.submit();
  } catch (error) {
    trouble.textContent = `Your device gave no answer (${error.name}). Try again.`;
    trouble.hidden = false;
  }
});
