
Tablesort.extend("order", function () { return false; }, function (a, b) { return parseInt(b, 10) - parseInt(a, 10); });
document.querySelectorAll("table.sortable").forEach(function (table) {
  new Tablesort(table);
  table.querySelectorAll("th[tabindex]").forEach(function (heading) {
    heading.removeAttribute("tabindex"); // the button inside it takes the focus
  });
});
