// Shows the API's own description; "Try it out" sends the page's CSRF token where one is needed.
window.addEventListener("load", () => {
  const token = document.querySelector("meta[name=csrf-token]").content;
  SwaggerUIBundle({
    url: "/api/openapi.json",
    dom_id: "#api",
    deepLinking: true,
    validatorUrl: null,
    requestInterceptor: (request) => {
      if (request.method !== "GET") request.headers["X-CSRFToken"] = token;
      return request;
    },
  });
});
