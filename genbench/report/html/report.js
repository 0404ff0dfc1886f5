
Tablesort.extend("order", function () { return false; }, function (a, b) { return parseInt(b, 10) - parseInt(a, 10); });
document.querySelectorAll("table.sortable").forEach(function (table) {
  new Tablesort(table);
  table.querySelectorAll("th[tabindex]").forEach(function (heading) {
    heading.removeAttribute("tabindex"); // the button inside it takes the focus
  });
});
document.querySelectorAll(".board td").forEach(function (field) {
  if (field.querySelector("small")) {
    field.addEventListener("click", function () { field.classList.toggle("open"); });
  }
});
document.querySelectorAll(".frame > *").forEach(function (inner) {
  function show() { // what lies beyond the right edge is announced there
    var frame = inner.parentNode, beyond = inner.scrollWidth - inner.clientWidth;
    frame.classList.toggle("wide", beyond > 2);
    frame.classList.toggle("more", beyond - inner.scrollLeft > 2);
  }
  inner.addEventListener("scroll", show, { passive: true });
  var observer = new ResizeObserver(show);
  observer.observe(inner);
  observer.observe(inner.firstElementChild);
});
